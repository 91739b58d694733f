package bearer

import (
	"net/netip"
	"reflect"
	"slices"
	"time"
	"unsafe"
)

// A claimsCopy says how a request gets claims of its own from those that are
// remembered, and what these lead to.
type claimsCopy struct {
	decode bool          // from the verified bytes: they hold what would have to be searched for
	slices []sliceOffset // to be cloned after an assignment; all else are values
	leads                // of what is not behind slices
}

// A sliceOffset is where a slice of values is.
type sliceOffset struct {
	at    uintptr
	of    reflect.Type
	leads // of an element
}

// leads are the values in a type that lead out of it.
type leads struct {
	strings []uintptr // their offsets
	others  int       // how many of the immutable there are
}

// copyOf works out what is known of a type once.
func copyOf(t reflect.Type) (c claimsCopy) {
	if !c.add(t, 0) {
		return claimsCopy{decode: true}
	}
	c.leads.find(t, 0)
	return c
}

// add reports whether what is at an offset can be copied without a look at what
// it leads to.
func (c *claimsCopy) add(t reflect.Type, at uintptr) bool {
	switch {
	case isValue(t):
		return true
	case t.Kind() == reflect.Slice && isValue(t.Elem()):
		s := sliceOffset{at: at, of: t}
		s.leads.find(t.Elem(), 0)
		c.slices = append(c.slices, s)
		return true
	case t.Kind() != reflect.Struct:
		return false
	}
	for f := range t.Fields() {
		// A type's own code may have a field that is not exported share its memory with
		// another: nothing but a value may be in it. What an embedded struct exports is
		// exported.
		reachable := f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct
		if !isValue(f.Type) && (!reachable || !c.add(f.Type, at+f.Offset)) {
			return false
		}
	}
	return true
}

// immutable are the types of values whose pointers lead to what never changes.
var immutable = []reflect.Type{
	reflect.TypeFor[time.Time](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[netip.AddrPort](), reflect.TypeFor[netip.Prefix](),
}

// isValue reports whether an assignment copies all of a type that can be changed.
func isValue(t reflect.Type) bool {
	if slices.Contains(immutable, t) {
		return true
	}
	switch t.Kind() {
	case reflect.Array:
		return isValue(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if !isValue(f.Type) {
				return false
			}
		}
		return true
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	}
	return true
}

// find adds what is at an offset, but for what is behind slices.
func (l *leads) find(t reflect.Type, at uintptr) {
	switch {
	case t == reflect.TypeFor[NumericDate](): // always UTC
	case slices.Contains(immutable, t):
		l.others++
	case t.Kind() == reflect.String:
		l.strings = append(l.strings, at)
	case t.Kind() == reflect.Array:
		var element leads
		element.find(t.Elem(), at)
		if element.others == 0 && element.strings == nil {
			return
		}
		for i := range t.Len() {
			l.find(t.Elem(), at+uintptr(i)*t.Elem().Size())
		}
	case t.Kind() == reflect.Struct:
		for f := range t.Fields() {
			l.find(f.Type, at+f.Offset)
		}
	}
}

// header is the slice of whatever at an address, for its place and its length.
func (s sliceOffset) header(claims unsafe.Pointer) []struct{} {
	return *(*[]struct{})(unsafe.Add(claims, s.at))
}

// size is what claims that were decoded from a payload lead to, without their
// strings: slices, the time.Location that a time of an odd offset has, and the
// zones of addresses, which are parts of the payload.
func (c *claimsCopy) size(claims unsafe.Pointer, payload string) int {
	const location = 192 // the structs in a time.Location of one zone
	size, others := 0, c.others
	for _, s := range c.slices {
		n := len(s.header(claims))
		size, others = size+n*int(s.of.Elem().Size()), others+n*s.others
	}
	if others > 0 {
		size += others*location + len(payload)
	}
	return size
}

// eachString calls do with every string of claims, those in fields that are not
// exported too: what they say stays, and only where they say it from changes.
func (c *claimsCopy) eachString(claims unsafe.Pointer, do func(*string)) {
	for _, at := range c.strings {
		do((*string)(unsafe.Add(claims, at)))
	}
	for _, s := range c.slices {
		list := s.header(claims)
		for i := range list {
			element := uintptr(i) * s.of.Elem().Size()
			for _, at := range s.strings {
				do((*string)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(list)), element+at)))
			}
		}
	}
}

// own replaces each slice of what was assigned to claims by a copy.
func (c *claimsCopy) own(claims unsafe.Pointer) {
	for _, s := range c.slices {
		at := unsafe.Add(claims, s.at)
		if s.of.Elem().Kind() == reflect.String {
			list := (*[]string)(at)
			*list = slices.Clone(*list)
			continue
		}
		list := reflect.NewAt(s.of, at).Elem()
		if list.IsNil() {
			continue
		}
		clone := reflect.MakeSlice(s.of, list.Len(), list.Len())
		reflect.Copy(clone, list)
		list.Set(clone)
	}
}
