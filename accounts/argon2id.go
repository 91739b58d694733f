package accounts

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

const (
	argon2idBytes  = 32      // of the sum of a new hash
	maxMemory      = 2 << 20 // KiB
	maxMemoryTotal = 8 << 20 // KiB that are written in all passes: some seconds
	maxLanes       = 16
)

// Argon2id is the scheme of RFC 9106, with a sum of 32 bytes. It takes 8 KiB of
// memory a lane to 2 GiB; 1 pass at least, and no more than write 8 GiB
// altogether; and 1 to 16 lanes, each of which takes a core. New hashes need what
// OWASP's Password Storage Cheat Sheet asks for at least: 19456 KiB and 2 passes,
// or 47104 and 1, 12288 and 3, 9216 and 4, 7168 and 5.
func Argon2id(memoryKiB, passes uint32, lanes uint8) Scheme {
	return Scheme{form: argon2idForm, memory: memoryKiB, rounds: int64(passes), lanes: lanes, size: argon2idBytes}
}

func (s Scheme) argon2idOutOfBounds() string {
	switch {
	case s.lanes < 1 || s.lanes > maxLanes:
		return fmt.Sprintf("use 1 to %d lanes", maxLanes)
	case s.memory < 8*uint32(s.lanes) || s.memory > maxMemory:
		return fmt.Sprintf("use 8 KiB of memory a lane to %d KiB", maxMemory)
	case s.rounds < 1 || s.rounds*int64(s.memory) > maxMemoryTotal:
		return fmt.Sprintf("use 1 pass to as many as write %d KiB", maxMemoryTotal)
	}
	return ""
}

func (s Scheme) weakArgon2id() bool {
	for passes, memory := range []uint32{1: 47104, 19456, 12288, 9216, 7168} {
		if passes > 0 && s.rounds >= int64(passes) && s.memory >= memory {
			return false
		}
	}
	return true
}

func (s Scheme) argon2id(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, uint32(s.rounds), s.memory, s.lanes, uint32(s.size))
}

func (h storedHash) argon2idOpens(password string) bool {
	return subtle.ConstantTimeCompare(h.scheme.argon2id(password, h.salt), h.sum) == 1
}

// The PHC string format: salt and sum in base64 without padding.
func parseArgon2id(text string) (h storedHash, ok bool) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return storedHash{}, false
	}
	params := strings.Split(parts[3], ",")
	if len(params) != 3 {
		return storedHash{}, false
	}
	var numbers [3]int64
	for i, name := range []string{"m=", "t=", "p="} {
		if numbers[i], ok = parseNumber(strings.TrimPrefix(params[i], name)); !ok {
			return storedHash{}, false
		}
	}
	h.scheme = Argon2id(uint32(numbers[0]), uint32(numbers[1]), uint8(numbers[2]))
	h.salt, h.sum, ok = decodeSums(base64.RawStdEncoding, parts[4], parts[5])
	return h, ok
}

func (h storedHash) argon2idText() string {
	s, b64 := h.scheme, base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		s.memory, s.rounds, s.lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.sum))
}
