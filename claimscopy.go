package bearer

import (
	"net/netip"
	"reflect"
	"slices"
	"time"
)

// A claimsCopy says how a request gets claims of its own from those that are
// remembered.
type claimsCopy struct {
	decode bool         // from the verified bytes: they hold what would have to be searched for
	slices []sliceField // to be cloned after an assignment; all else are values
}

// A sliceField is a slice of values in a struct, by its index path.
type sliceField []int

// copyOf works out what is known of a type once.
func copyOf(t reflect.Type) (c claimsCopy) {
	if !c.add(t, nil) {
		return claimsCopy{decode: true}
	}
	return c
}

// add reports whether what is at a path can be copied without a look at what it
// leads to.
func (c *claimsCopy) add(t reflect.Type, path []int) bool {
	switch {
	case isValue(t):
		return true
	case t.Kind() == reflect.Slice && isValue(t.Elem()) && len(path) > 0:
		c.slices = append(c.slices, slices.Clone(path))
		return true
	case t.Kind() != reflect.Struct:
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		// A field that is not exported can be assigned with its struct and not by
		// itself: nothing but a value may be in it. What an embedded struct exports
		// is exported.
		reachable := f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct
		if !isValue(f.Type) && (!reachable || !c.add(f.Type, append(path, i))) {
			return false
		}
	}
	return true
}

// isValue reports whether an assignment copies all of a type that can be changed.
// The pointers in these few lead to what never changes.
func isValue(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[netip.AddrPort](), reflect.TypeFor[netip.Prefix]():
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

// size is what the slices of *claims take.
func (c *claimsCopy) size(claims any) (n int) {
	if len(c.slices) == 0 {
		return 0
	}
	v := reflect.ValueOf(claims).Elem()
	for _, path := range c.slices {
		f := v.FieldByIndex(path)
		n += f.Len() * int(f.Type().Elem().Size())
	}
	return n
}

// own replaces each slice of what was assigned to *claims by a copy.
func (c *claimsCopy) own(claims any) {
	if len(c.slices) == 0 {
		return
	}
	v := reflect.ValueOf(claims).Elem()
	for _, path := range c.slices {
		switch s := v.FieldByIndex(path).Addr().Interface().(type) {
		case *[]string:
			*s = slices.Clone(*s)
		case *ClaimStrings:
			*s = slices.Clone(*s)
		default:
			f := v.FieldByIndex(path)
			if f.IsNil() {
				continue
			}
			clone := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
			reflect.Copy(clone, f)
			f.Set(clone)
		}
	}
}
