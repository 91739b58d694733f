package strictjson

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the stack that brackets alone can take.
const maxDepth = 64

// The scanners take a position and return the one behind what they read, which
// is negative where that is not strict JSON.

// skipSpace goes over the white space of RFC 8259 section 2.
func skipSpace(text string, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t') {
		i++
	}
	return i
}

// step goes from the beginning of an object or array to its first member or
// element, or from behind one to the next. There is no more behind the end.
func step(text string, i int, first bool, begin, end byte) (next int, more bool) {
	i = skipSpace(text, i)
	if i == len(text) {
		return -1, false
	}
	c := text[i]
	if first {
		if c != begin {
			return -1, false
		}
		i = skipSpace(text, i+1)
		if i < len(text) && text[i] == end {
			return i + 1, false
		}
		return i, true
	}
	if c == end {
		return i + 1, false
	}
	if c != ',' {
		return -1, false
	}
	return skipSpace(text, i+1), true
}

// scanName reads a member's name and goes to its value.
func scanName(text string, i int) (name string, value int) {
	if i == len(text) || text[i] != '"' {
		return "", -1
	}
	end, escaped := scanString(text, i)
	if end < 0 {
		return "", -1
	}
	name = unquote(text[i:end], escaped)
	i = skipSpace(text, end)
	if i == len(text) || text[i] != ':' {
		return "", -1
	}
	return name, skipSpace(text, i+1)
}

// scanValue reads a value inside of depth objects and arrays.
func scanValue(text string, i, depth int, spare *[]string) (end int, escaped bool) {
	if i == len(text) {
		return -1, false
	}
	switch c := text[i]; c {
	case '"':
		return scanString(text, i)
	case '{':
		return scanObject(text, i, depth+1, spare), false
	case '[':
		return scanArray(text, i, depth+1, spare), false
	case 't':
		return scanLiteral(text, i, "true"), false
	case 'f':
		return scanLiteral(text, i, "false"), false
	case 'n':
		return scanLiteral(text, i, "null"), false
	default:
		return scanNumber(text, i), false
	}
}

func scanLiteral(text string, i int, literal string) int {
	if !strings.HasPrefix(text[i:], literal) {
		return -1
	}
	return i + len(literal)
}

func scanObject(text string, i, depth int, spare *[]string) int {
	if depth > maxDepth {
		return -1
	}
	var (
		names names
		list  [8]string // on the stack, for each of the objects in one another
		name  string
	)
	i, more := step(text, i, true, '{', '}')
	for more {
		if name, i = scanName(text, i); i < 0 || !names.add(list[:], spare, name) {
			return -1
		}
		if i, _ = scanValue(text, i, depth, spare); i < 0 {
			return -1
		}
		i, more = step(text, i, false, '{', '}')
	}
	if !names.end(spare) {
		return -1
	}
	return i
}

func scanArray(text string, i, depth int, spare *[]string) int {
	if depth > maxDepth {
		return -1
	}
	i, more := step(text, i, true, '[', ']')
	for more {
		if i, _ = scanValue(text, i, depth, spare); i < 0 {
			return -1
		}
		i, more = step(text, i, false, '[', ']')
	}
	return i
}

// scanNumber reads a number by the grammar of RFC 8259 section 6.
func scanNumber(text string, i int) int {
	if i < len(text) && text[i] == '-' {
		i++
	}
	if i < len(text) && text[i] == '0' {
		i++ // and no digit: what follows is no delimiter then
	} else if i = scanDigits(text, i); i < 0 {
		return -1
	}
	if i < len(text) && text[i] == '.' {
		if i = scanDigits(text, i+1); i < 0 {
			return -1
		}
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		i = scanDigits(text, i)
	}
	return i
}

// scanDigits reads one digit at least.
func scanDigits(text string, i int) int {
	start := i
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

// scanString reads a string from quote to quote, and says whether it has escapes.
func scanString(text string, i int) (end int, escaped bool) {
	for i++; ; {
		i = skipPlain(text, i)
		if i == len(text) {
			return -1, false
		}
		switch c := text[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			_, size := escape(text[i:])
			if size == 0 {
				return -1, false
			}
			i += size
		case c < utf8.RuneSelf:
			return -1, false
		default:
			_, size := utf8.DecodeRuneInString(text[i:])
			if size == 1 { // RFC 7493 section 2.1: valid UTF-8, and no surrogates
				return -1, false
			}
			i += size
		}
	}
}

// skipPlain goes over what stands for itself in a string (RFC 8259 section 7) and
// is ASCII. Most of a token is that, so it looks at eight bytes at once.
func skipPlain(text string, i int) int {
	for ; len(text)-i >= 8; i += 8 {
		s := text[i : i+8]
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		if m := special(x); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(text) && special(uint64(text[i]))&0x80 == 0 {
		i++
	}
	return i
}

// Eight bytes of one value each.
const (
	ones   = 0x0101010101010101
	spaces = ones * ' '
	quotes = ones * '"'
	slants = ones * '\\'
	highs  = ones * 0x80
)

// special marks the bytes of x, by their highest bits, that are not plain: above
// ASCII, control characters, quotes and backslashes. A subtraction borrows from
// the bytes above one that is marked, so only the lowest mark counts.
func special(x uint64) uint64 {
	return (x | (x - spaces) | ((x ^ quotes) - ones) | ((x ^ slants) - ones)) & highs
}

// escape reads the escape that text begins with; a size of zero is none. Half a
// surrogate pair stands for no character (RFC 7493 section 2.1).
func escape(text string) (r rune, size int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch text[1] {
	case '"', '\\', '/':
		return rune(text[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	r, ok := escapedUnit(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, ok := escapedUnit(text[6:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// escapedUnit reads \uXXXX.
func escapedUnit(text string) (r rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// unquote takes a string that was scanned out of its quotes.
func unquote(quoted string, escaped bool) string {
	inner := quoted[1 : len(quoted)-1]
	if !escaped {
		return inner
	}
	var b strings.Builder
	b.Grow(len(inner)) // no escape is shorter than its character
	for {
		i := strings.IndexByte(inner, '\\')
		if i < 0 {
			b.WriteString(inner)
			return b.String()
		}
		r, size := escape(inner[i:])
		b.WriteString(inner[:i])
		b.WriteRune(r)
		inner = inner[i+size:]
	}
}
