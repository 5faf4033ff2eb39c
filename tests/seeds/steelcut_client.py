"""Steelcut's two client functions, as its documentation calls them. Reads a JSON object, prints one as the last line."""
import json
import sys

from oauth_client import client_request_resource, client_request_token

asked = json.load(sys.stdin)
token = client_request_token(asked["grant_type"], asked["client_id"], asked["client_secret"],
                             asked["resource"], asked["token_url"])
answer = {"token": token}
if asked.get("resource_url"):
    answer["read"] = client_request_resource(asked["resource_url"], token)
print("\n" + json.dumps(answer))
