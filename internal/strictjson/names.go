package strictjson

import "slices"

// names finds a name that an object has twice. A few are compared one by one, as
// they come. Of many, which an attacker may choose, none is compared with all
// others: they are sorted at the end of the object.
type names struct {
	n      int    // how many there are in the list
	filter uint64 // a bit for each of them: most are new at a glance
	many   bool   // the list was full, and all are behind start in the spare room
	start  int
}

// add reports whether a name is new, or so many that only end finds out. The list
// and the spare room, which is shared by objects in one another, are the same at
// each call.
func (s *names) add(list []string, spare *[]string, name string) bool {
	if s.many {
		*spare = append(*spare, name)
		return true
	}
	bit := filterBit(name)
	if s.filter&bit != 0 && slices.Contains(list[:s.n], name) {
		return false
	}
	s.filter |= bit
	if s.n < len(list) {
		list[s.n] = name
		s.n++
		return true
	}
	s.many, s.start = true, len(*spare)
	*spare = append(append(*spare, list...), name)
	return true
}

// end reports whether no name was there twice.
func (s *names) end(spare *[]string) bool {
	if !s.many {
		return true
	}
	all := (*spare)[s.start:]
	*spare = (*spare)[:s.start]
	slices.Sort(all)
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] {
			return false
		}
	}
	return true
}

// filterBit tells most names of one object apart, and costs next to nothing.
func filterBit(name string) uint64 {
	if name == "" {
		return 1
	}
	return 1 << ((uint(len(name)) + 5*uint(name[0]) + 11*uint(name[len(name)-1])) % 64)
}
