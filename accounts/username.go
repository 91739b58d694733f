package accounts

import (
	"crypto/sha256"

	"golang.org/x/text/secure/precis"
)

const maxUserNameBytes = 256

// UserName returns a user name as it is stored and compared: by the PRECIS
// profile UsernameCaseMapped (RFC 8265 section 3.3), so that Tom, tom and ｔｏｍ
// are one. The error wraps ErrUserName: the name is empty, longer than 256 bytes,
// before or after, or has characters outside that profile, such as spaces and
// control characters.
func UserName(name string) (string, error) {
	if len(name) > maxUserNameBytes {
		return "", ErrUserName
	}
	name, err := precis.UsernameCaseMapped.String(name)
	if err != nil || name == "" || len(name) > maxUserNameBytes {
		return "", ErrUserName
	}
	return name, nil
}

// digest stands for a user name wherever attempts are counted, so that the
// throttle's store holds no names. One that no account can have is counted like
// any other.
func digest(name string) [16]byte {
	sum := sha256.Sum256([]byte(name))
	return [16]byte(sum[:])
}
