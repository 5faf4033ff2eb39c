"""Steelcut's own OAuth class writes clients into a real PostgreSQL. It asks for user and password on the terminal: this
script answers in its place. Reads a JSON object, prints the clients that were made as the last line."""
import builtins
import contextlib
import getpass
import io
import json
import sys

asked = json.load(sys.stdin)
builtins.input = lambda prompt="": asked["user"]
getpass.getpass = lambda prompt="": asked["password"]

from oauth_client import OAuth  # noqa: E402  after the answers are in place

oauth = OAuth(db_name=asked["database"], db_host="127.0.0.1", db_table_name="stored_tokens", db_create_table=True,
              resource_owner_username="admin", jwt_issuer="admin", jwt_audience="client", jwt_subject="client")
made = []
for name, grant_type, resource in asked["clients"]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        oauth.add_client(client_name=name, grant_type=grant_type, resource=resource)
    text = said.getvalue()
    made.append(json.loads(text[text.index("{"):text.rindex("}") + 1]))
print("\n" + json.dumps(made))
