// Package accounts is an Authenticator for package bearer's token endpoint: it
// checks a user name, a password and a private token against a [Store] of
// accounts.
//
//   - Every refused login does the same work, whether the user name is unknown, a
//     secret is wrong, the account is disabled or the password is over-long.
//   - Passwords are hashed with argon2id. Hashes of bcrypt, PBKDF2 and ASP.NET
//     Identity are accepted where [WithSchemes] says so, and replaced at the next
//     good login.
//   - A bounded number of hashes is computed at once, and a bounded number of
//     logins waits for them. The rest is refused unread.
//   - A [Throttle] slows guessing down by network and by account, without locking
//     out a caller who has logged in from where he is.
//
// User names are compared as [UserName] returns them. Passwords are compared
// byte for byte. What it does NOT do: it checks no password against lists of
// leaked ones, and disabling an account or changing its password ends no token
// that was issued before.
package accounts
