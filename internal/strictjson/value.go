package strictjson

// A Value is a value of strict JSON.
type Value struct {
	text    string
	escaped bool // a string in which an escape is to be resolved
}

// Text is the value as it stands in the text.
func (v Value) Text() string { return v.text }

// Kind is the first character of the value: '"', '{', '[', 't', 'f', 'n', or '0'
// for any number.
func (v Value) Kind() byte {
	if c := v.text[0]; c != '-' && (c < '0' || c > '9') {
		return c
	}
	return '0'
}

// String is the string that the value is.
func (v Value) String() (string, error) {
	if v.text[0] != '"' {
		return "", ErrType
	}
	return unquote(v.text, v.escaped), nil
}

// Number is the text of the number that the value is.
func (v Value) Number() (string, error) {
	if v.Kind() != '0' {
		return "", ErrType
	}
	return v.text, nil
}

// Strings is the string, or the array of nothing but strings, that the value is.
// It is ok for these. An empty array gives nil.
func (v Value) Strings() (list []string, ok bool) {
	switch v.text[0] {
	case '"':
		return []string{unquote(v.text, v.escaped)}, true
	case '[':
	default:
		return nil, false
	}
	n := 0
	for i, more := step(v.text, 0, true, '[', ']'); more; i, more = step(v.text, i, false, '[', ']') {
		if v.text[i] != '"' {
			return nil, false
		}
		i, _ = scanString(v.text, i)
		n++
	}
	if n == 0 {
		return nil, true
	}
	list = make([]string, 0, n)
	for i, more := step(v.text, 0, true, '[', ']'); more; i, more = step(v.text, i, false, '[', ']') {
		end, escaped := scanString(v.text, i)
		list = append(list, unquote(v.text[i:end], escaped))
		i = end
	}
	return list, true
}
