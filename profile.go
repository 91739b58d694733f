package bearer

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxProfileBytes bounds the JSON of a profile: gzip can expand 16 KiB to 16 MiB.
const maxProfileBytes = 64 << 10

var errProfile = fmt.Errorf("%w: usr is not a packed profile", ErrClaims)

// Profile decodes usr into v: base64 of the JSON's length as a little-endian
// int32, then gzip of the JSON, of 64 KiB at most. The error wraps ErrClaims.
func (c Claims) Profile(v any) error {
	text, err := unpackProfile(c.Usr)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: usr does not decode into %T%s", ErrClaims, v, at(err))
	}
	return nil
}

func unpackProfile(usr string) ([]byte, error) {
	packed, err := base64.StdEncoding.Strict().DecodeString(usr)
	// The decoder skips line breaks, even when it is strict.
	if err != nil || len(packed) < 4 || strings.ContainsAny(usr, "\r\n") {
		return nil, errProfile
	}
	declared := binary.LittleEndian.Uint32(packed)
	if declared > maxProfileBytes {
		return nil, fmt.Errorf("%w: it declares more than 64 KiB", errProfile)
	}
	stream := bytes.NewReader(packed[4:])
	z, err := gzip.NewReader(stream)
	if err != nil {
		return nil, errProfile
	}
	z.Multistream(false)
	// One byte more than declared is enough to see a lie, and all that is read.
	text, err := io.ReadAll(io.LimitReader(z, int64(declared)+1))
	if err != nil || len(text) != int(declared) || stream.Len() > 0 {
		return nil, fmt.Errorf("%w: its length is not the declared one", errProfile)
	}
	return text, nil
}

// packProfile encodes an account's profile; nil gives no claim.
func packProfile(v any) (string, error) {
	if isNil(v) {
		return "", nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "", errors.New("the account's profile does not encode as JSON")
	}
	if len(text) > maxProfileBytes {
		return "", errors.New("the account's profile is longer than 64 KiB")
	}
	var packed bytes.Buffer
	packed.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(text))))
	z := gzip.NewWriter(&packed)
	// A bytes.Buffer takes every write.
	_, _ = z.Write(text)
	_ = z.Close()
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}
