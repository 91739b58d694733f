package accounts

import (
	"encoding/base64"
	"encoding/binary"
)

// What ASP.NET Core Identity's PasswordHasher writes as its version 3, in base64:
// the byte 1; the PRF, the iterations and the length of the salt as 32-bit
// big-endian numbers; the salt; and the sum, to the end.
const aspnetHead = 1 + 3*4

func parseASPNET(text string) (h storedHash, ok bool) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) < aspnetHead || b[0] != 1 {
		return storedHash{}, false
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint32(b[1+4*i:])) }
	rest := b[aspnetHead:]
	if number(2) > int64(len(rest)) {
		return storedHash{}, false
	}
	h.scheme = Scheme{form: aspnetForm, prf: prf(number(0)), rounds: number(1)}
	h.salt, h.sum = rest[:number(2)], rest[number(2):]
	return h, true
}

func (h storedHash) aspnetText() string {
	b := []byte{1}
	for _, n := range []int{int(h.scheme.prf), int(h.scheme.rounds), len(h.salt)} {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	b = append(append(b, h.salt...), h.sum...)
	return base64.StdEncoding.EncodeToString(b)
}
