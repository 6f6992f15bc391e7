"""Signs one request by RFC 9421 with a library that knows nothing of Motet.

Reads what to sign as JSON from standard input, writes the headers to send as JSON to standard output.
"""

import json
import sys
from datetime import datetime, timezone

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms


class Keys(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id):
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(asked["seed"]))


class Request:
    def __init__(self, method, url, headers):
        self.method, self.url, self.headers = method, url, headers


asked = json.load(sys.stdin)
request = Request(asked["method"], asked["url"], asked["headers"])
signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Keys())
signer.sign(
    request,
    key_id=asked["key_id"],
    created=datetime.fromtimestamp(asked["created"], timezone.utc),
    nonce=asked["nonce"],
    tag=asked["tag"],
    label="theirs",
    covered_component_ids=asked["covered"],
    body=asked["body"].encode() if asked["body"] is not None else None,
)
json.dump(dict(request.headers), sys.stdout)
