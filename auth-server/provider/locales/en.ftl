# Every text of the pages, in English.
brand = Trefoil
skip = Skip to the content

login-title = Sign in
login-to = to continue to { $client }
login-account = to see your account
username = Username
password = Password
sign-in = Sign in
login-wrong = The username or the password is wrong.
login-slow = Too many tries. Wait some minutes, then try again.
login-again = Sign in once more to go on: { $client } asks for it.

consent-title = Allow access
consent-signed-in = You are signed in as { $user }.
consent-switch = Use another account
consent-asks = { $client } asks for:
consent-at = at { $resource }
consent-nothing = to know that you signed in
consent-goes-to = Afterwards you go back to { $host }.
consent-native = Afterwards you go back to a program on this device.
consent-home = About { $client }
consent-policy = Privacy policy
consent-tos = Terms of service
allow = Allow
deny = Do not allow
cancel = Cancel

error-title = Something went wrong
error-hint = Go back to the application and try again. If it happens again, tell those who run it this number:
done-title = You are done here
done-text = This sign-in is finished. You can close this page.
done-account = Your account

account-title = Account
account-name = Signed in as { $user }
account-sessions = Where you are signed in
account-this = this browser
account-browser = { $browser } on { $system }
account-unknown = a browser
account-since = since { $time }
account-used = last used { $time }
account-end = Sign out there
account-apps = Apps that you allowed
account-no-apps = No app has access to your account.
account-revoke = Take access away
account-password = Change your password
account-current = Current password
account-new = New password
account-change = Change password
account-changed = Your password is changed. Everywhere else you are signed out.
account-revoked = { $client } has no access any more.
account-ended = That session is ended.
account-wrong = The current password is wrong.
account-invalid = The new password needs at least { $min } characters, and no control characters.
sign-out = Sign out
logout-text = You are signed in as { $user }. Sign out in this browser?
logout-stay = Stay signed in
signed-out-title = Signed out
signed-out-text = This browser is signed out.

post-title = One moment
post-text = You are going back to { $client }.
continue = Continue
