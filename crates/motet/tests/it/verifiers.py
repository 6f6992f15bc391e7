"""Verifies deliveries: by the sample of docs/webhooks.md, or by the library standardwebhooks.

The only argument is the file of the sample, or nothing for the library. The cases are JSON on standard input: secret,
headers, body in base64, and the receiver's time for the sample. Says for each whether it holds, as JSON.
"""

import base64
import json
import sys


def by_sample(path):
    scope = {}
    exec(compile(open(path).read(), path, "exec"), scope)
    return lambda it, body: bool(scope["verify"](it["secret"], it["headers"], body, it["now"]))


def by_library():
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    def verify(it, body):
        try:
            Webhook(it["secret"]).verify(body, it["headers"])
            return True
        except WebhookVerificationError:
            return False

    return verify


verify = by_sample(sys.argv[1]) if len(sys.argv) > 1 else by_library()
print(json.dumps([verify(it, base64.b64decode(it["body"])) for it in json.load(sys.stdin)]))
