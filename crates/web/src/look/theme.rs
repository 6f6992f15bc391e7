//! Light, dark, or as the system has it: chosen on a page, kept in a cookie, written into the page by the server, so
//! that no script is needed and nothing flickers.

use std::str::FromStr;

use axum::http::{HeaderMap, header};

/// The name of the cookie. Every page of the site may read it: it says nothing of anybody.
const COOKIE: &str = "motet_theme";
/// A year.
const SECONDS: u32 = 31_536_000;

/// How pages look to one reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// What the request says; what is no theme is that of the system.
    pub fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|it| it.to_str().ok());
        let mut pairs =
            lines.flat_map(|line| line.split(';')).filter_map(|it| it.trim().split_once('='));
        let found = pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value);
        found.and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    /// The word in forms and cookies.
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The `data-theme` of the page; nothing where the system decides.
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light | Self::Dark => Some(self.word()),
        }
    }

    /// The line that keeps it in the browser.
    pub fn cookie(self, is_https: bool) -> String {
        let secure = if is_https { "; Secure" } else { "" };
        format!(
            "{COOKIE}={}; Path=/; Max-Age={SECONDS}; SameSite=Lax; HttpOnly{secure}",
            self.word()
        )
    }
}

impl FromStr for Theme {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.word() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_comes_back_as_it_was_kept() {
        for theme in Theme::ALL {
            let line = theme.cookie(true);
            let kept = line.split(';').next().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, format!("other=1; {kept}").parse().unwrap());
            assert_eq!(Theme::of(&headers), theme);
            assert!(line.contains("; Secure"));
        }
        assert!(!Theme::Dark.cookie(false).contains("Secure"));
    }

    #[test]
    fn what_is_no_theme_is_that_of_the_system() {
        let mut headers = HeaderMap::new();
        assert_eq!(Theme::of(&headers), Theme::System);
        headers.insert(header::COOKIE, "motet_theme=\"><script>".parse().unwrap());
        assert_eq!(Theme::of(&headers), Theme::System);
        assert_eq!(Theme::System.attribute(), None);
    }
}
