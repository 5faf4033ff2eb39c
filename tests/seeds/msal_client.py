"""MSAL's oauth2cli Client. Reads a JSON object, prints the answer's dictionary as the last line."""
import json
import sys

from msal.oauth2cli.oauth2 import Client

asked = json.load(sys.stdin)
configuration = {"token_endpoint": asked["token_url"]}
if asked["style"] == "basic":
    client = Client(configuration, asked["client_id"], client_secret=asked["client_secret"])
else:
    client = Client(configuration, asked["client_id"], default_body={"client_secret": asked["client_secret"]})
print("\n" + json.dumps(client.obtain_token_for_client(scope=asked["scope"])))
