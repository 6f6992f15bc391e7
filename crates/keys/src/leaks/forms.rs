//! The forms of keys and tokens that are known: our own first, then what most often stands in a history by mistake. Only
//! forms that nobody writes by chance are here: with check digits, or with a prefix and a length of their own.

use std::sync::LazyLock;

use super::shape::{
    Check::{self, Base62, Bech32, NoExample, Own, Webhook},
    Form,
    Part::{self, Block, Run, Text, Word},
    Set::{
        Alnum, Base32, Base64, Base64Url, Bech32 as Bech32Digit, Break, Digit, Glue, Hex, Letter,
        Lower, LowerDigit, LowerHex, Pad, UpperDigit,
    },
};

const fn form(kind: &'static str, parts: &'static [Part]) -> Form {
    Form { kind, parts, check: Check::None }
}

const fn checked(kind: &'static str, check: Check, parts: &'static [Part]) -> Form {
    Form { kind, parts, check }
}

/// The forms. No two of them begin alike, but for those of which only one can fit.
pub(super) const FORMS: &[Form] = &[
    checked(
        "a token of Motet",
        Own,
        &[
            Text("mt_"),
            Run(Lower, 1, 20),
            Text("_"),
            Run(Base64Url, 43, 43),
            Text("_"),
            Run(Base64Url, 6, 6),
        ],
    ),
    checked(
        "a secret of webhooks",
        Webhook,
        &[Text("whsec_"), Run(Base64, 32, 86), Run(Pad, 0, 2)],
    ),
    form("a private key of OpenSSH", &[Text("-----BEGIN OPENSSH PRIVATE KEY-----"), Block]),
    form("a private key", &[Text("-----BEGIN PRIVATE KEY-----"), Block]),
    form("an encrypted private key", &[Text("-----BEGIN ENCRYPTED PRIVATE KEY-----"), Block]),
    form("a private RSA key", &[Text("-----BEGIN RSA PRIVATE KEY-----"), Block]),
    form("a private EC key", &[Text("-----BEGIN EC PRIVATE KEY-----"), Block]),
    form("a private DSA key", &[Text("-----BEGIN DSA PRIVATE KEY-----"), Block]),
    form("a private OpenPGP key", &[Text("-----BEGIN PGP PRIVATE KEY BLOCK-----"), Block]),
    form(
        "a private key of PuTTY",
        &[Text("Private-Lines: "), Run(Digit, 1, 3), Run(Break, 1, 2), Run(Base64, 40, 64)],
    ),
    checked("a private key of age", Bech32, &[Text("AGE-SECRET-KEY-1"), Run(Bech32Digit, 58, 58)]),
    checked("an access key of AWS", NoExample, &[Text("AKIA"), Run(Base32, 16, 16)]),
    checked("a passing access key of AWS", NoExample, &[Text("ASIA"), Run(Base32, 16, 16)]),
    checked(
        "a secret key of AWS",
        NoExample,
        &[Word("aws_secret_access_key"), Run(Glue, 1, 8), Run(Base64, 40, 40)],
    ),
    form("a key of Azure storage", &[Text("AccountKey="), Run(Base64, 86, 86), Text("==")]),
    form("a key of Google APIs", &[Text("AIza"), Run(Base64Url, 35, 35)]),
    form("an OAuth secret of Google", &[Text("GOCSPX-"), Run(Base64Url, 28, 28)]),
    checked("a personal token of GitHub", Base62, &[Text("ghp_"), Run(Alnum, 36, 36)]),
    checked("an OAuth token of GitHub", Base62, &[Text("gho_"), Run(Alnum, 36, 36)]),
    checked("a user's token of a GitHub app", Base62, &[Text("ghu_"), Run(Alnum, 36, 36)]),
    checked("a token of a GitHub app", Base62, &[Text("ghs_"), Run(Alnum, 36, 36)]),
    checked("a refresh token of GitHub", Base62, &[Text("ghr_"), Run(Alnum, 36, 36)]),
    form(
        "a fine-grained token of GitHub",
        &[Text("github_pat_"), Run(Alnum, 22, 22), Text("_"), Run(Alnum, 59, 59)],
    ),
    form("a personal token of GitLab", &[Text("glpat-"), Run(Base64Url, 20, 300)]),
    form("a deploy token of GitLab", &[Text("gldt-"), Run(Base64Url, 20, 300)]),
    form("a runner's token of GitLab", &[Text("glrt-"), Run(Base64Url, 20, 300)]),
    form("a trigger token of GitLab", &[Text("glptt-"), Run(LowerHex, 40, 40)]),
    form("an app password of Bitbucket", &[Text("ATBB"), Run(Alnum, 32, 32)]),
    form("a token of Atlassian", &[Text("ATATT3"), Run(Base64Url, 150, 250), Text("=")]),
    checked("a token of npm", Base62, &[Text("npm_"), Run(Alnum, 36, 36)]),
    form("a token of PyPI", &[Text("pypi-AgEIcHlwaS5vcmc"), Run(Base64Url, 50, 500)]),
    form("a key of RubyGems", &[Text("rubygems_"), Run(LowerHex, 48, 48)]),
    form("a token of crates.io", &[Text("cio"), Run(Alnum, 32, 32)]),
    form("a key of NuGet", &[Text("oy2"), Run(LowerDigit, 43, 43)]),
    form("a token of Clojars", &[Text("CLOJARS_"), Run(LowerHex, 60, 60)]),
    form("a token of Docker Hub", &[Text("dckr_pat_"), Run(Base64Url, 27, 27)]),
    form(
        "a bot's token of Slack",
        &[
            Text("xoxb-"),
            Run(Digit, 10, 13),
            Text("-"),
            Run(Digit, 10, 13),
            Text("-"),
            Run(Alnum, 24, 34),
        ],
    ),
    form(
        "a user's token of Slack",
        &[
            Text("xoxp-"),
            Run(Digit, 10, 13),
            Text("-"),
            Run(Digit, 10, 13),
            Text("-"),
            Run(Digit, 10, 13),
            Text("-"),
            Run(LowerHex, 32, 32),
        ],
    ),
    form(
        "an app's token of Slack",
        &[
            Text("xapp-1-A"),
            Run(UpperDigit, 8, 12),
            Text("-"),
            Run(Digit, 10, 13),
            Text("-"),
            Run(LowerHex, 64, 64),
        ],
    ),
    form(
        "a webhook of Slack",
        &[
            Text("https://hooks.slack.com/services/T"),
            Run(UpperDigit, 8, 12),
            Text("/B"),
            Run(UpperDigit, 8, 12),
            Text("/"),
            Run(Alnum, 24, 24),
        ],
    ),
    form(
        "a webhook of Discord",
        &[
            Text("https://discord.com/api/webhooks/"),
            Run(Digit, 17, 20),
            Text("/"),
            Run(Base64Url, 60, 72),
        ],
    ),
    form("a live key of Stripe", &[Text("sk_live_"), Run(Alnum, 24, 120)]),
    form("a restricted key of Stripe", &[Text("rk_live_"), Run(Alnum, 24, 120)]),
    form("a token of Square", &[Text("sq0atp-"), Run(Base64Url, 22, 22)]),
    form("an OAuth secret of Square", &[Text("sq0csp-"), Run(Base64Url, 43, 43)]),
    form("an access token of Shopify", &[Text("shpat_"), Run(Hex, 32, 32)]),
    form("a token of a Shopify app", &[Text("shpca_"), Run(Hex, 32, 32)]),
    form("a shared secret of Shopify", &[Text("shpss_"), Run(Hex, 32, 32)]),
    form(
        "a key of SendGrid",
        &[Text("SG."), Run(Base64Url, 22, 22), Text("."), Run(Base64Url, 43, 43)],
    ),
    form(
        "a key of Brevo",
        &[Text("xkeysib-"), Run(LowerHex, 64, 64), Text("-"), Run(Alnum, 16, 16)],
    ),
    form("a key of Mailgun", &[Text("key-"), Run(LowerHex, 32, 32)]),
    form("a token of DigitalOcean", &[Text("dop_v1_"), Run(LowerHex, 64, 64)]),
    form("an OAuth token of DigitalOcean", &[Text("doo_v1_"), Run(LowerHex, 64, 64)]),
    form("a refresh token of DigitalOcean", &[Text("dor_v1_"), Run(LowerHex, 64, 64)]),
    form(
        "an origin key of Cloudflare",
        &[Text("v1.0-"), Run(LowerHex, 24, 24), Text("-"), Run(LowerHex, 146, 146)],
    ),
    form("a token of Vault", &[Text("hvs."), Run(Base64Url, 90, 300)]),
    form("a token of Databricks", &[Text("dapi"), Run(LowerHex, 32, 32)]),
    form("a token of Pulumi", &[Text("pul-"), Run(LowerHex, 40, 40)]),
    form("a token of Supabase", &[Text("sbp_"), Run(LowerHex, 40, 40)]),
    form("a token of PlanetScale", &[Text("pscale_tkn_"), Run(Base64Url, 32, 64)]),
    form("a token of Doppler", &[Text("dp.pt."), Run(Alnum, 43, 43)]),
    form(
        "a token of Dynatrace",
        &[Text("dt0c01."), Run(UpperDigit, 24, 24), Text("."), Run(UpperDigit, 64, 64)],
    ),
    form(
        "a token of Grafana",
        &[Text("glsa_"), Run(Alnum, 32, 32), Text("_"), Run(LowerHex, 8, 8)],
    ),
    form("a key of New Relic", &[Text("NRAK-"), Run(UpperDigit, 27, 27)]),
    form("a token of Sentry", &[Text("sntryu_"), Run(LowerHex, 64, 64)]),
    form(
        "a key of Postman",
        &[Text("PMAK-"), Run(LowerHex, 24, 24), Text("-"), Run(LowerHex, 34, 34)],
    ),
    form("a token of Figma", &[Text("figd_"), Run(Base64Url, 40, 40)]),
    form("a key of Linear", &[Text("lin_api_"), Run(Alnum, 40, 40)]),
    form(
        "a token of Airtable",
        &[Text("pat"), Run(Alnum, 14, 14), Text("."), Run(LowerHex, 64, 64)],
    ),
    form("a token of Hugging Face", &[Text("hf_"), Run(Letter, 34, 34)]),
    form(
        "a key of OpenAI",
        &[Text("sk-"), Run(Alnum, 20, 20), Text("T3BlbkFJ"), Run(Alnum, 20, 20)],
    ),
    form("a key of Anthropic", &[Text("sk-ant-api03-"), Run(Base64Url, 95, 95)]),
];

/// By a first byte: the forms of which one can begin anywhere, and those of which one begins where a word does.
struct Beginning {
    anywhere: Vec<&'static Form>,
    with_a_word: Vec<&'static Form>,
}

static BEGINNINGS: LazyLock<Vec<Beginning>> = LazyLock::new(|| {
    let of = |byte: u8| {
        let all = FORMS.iter().filter(|it| it.begins_with(byte));
        let (anywhere, with_a_word) = all.partition(|it| it.has_digits());
        Beginning { anywhere, with_a_word }
    };
    (0..=u8::MAX).map(of).collect()
});

/// The form of which one begins here, behind `before`, and its length.
pub(super) fn at(before: Option<u8>, text: &[u8]) -> Option<(&'static Form, usize)> {
    let here = BEGINNINGS.get(usize::from(*text.first()?))?;
    let fits = |form: &&'static Form| Some((*form, form.length(text)?));
    let is_inside = before.is_some_and(|it| it.is_ascii_alphanumeric());
    let words = here.with_a_word.iter().filter(|_| !is_inside);
    here.anywhere.iter().chain(words).find_map(fits)
}
