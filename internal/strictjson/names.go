package strictjson

// names finds a name that an object has twice. An attacker chooses the names, so
// a few are compared one by one, and many are in a map, whose hash is seeded.
type names struct {
	n      int                 // how many of the list are in use
	filter uint64              // a bit for each name in the list: most are new at a glance
	many   map[string]struct{} // all of them, once the list was full
}

// add reports whether the name is new. The list is the same at each call.
func (s *names) add(list []string, name string) bool {
	if s.many != nil {
		return s.addToMany(name)
	}
	bit := filterBit(name)
	if s.filter&bit != 0 {
		for _, other := range list[:s.n] {
			if other == name {
				return false
			}
		}
	}
	s.filter |= bit
	if s.n < len(list) {
		list[s.n] = name
		s.n++
		return true
	}
	s.many = make(map[string]struct{}, 2*len(list))
	for _, other := range list {
		s.many[other] = struct{}{}
	}
	return s.addToMany(name)
}

func (s *names) addToMany(name string) bool {
	n := len(s.many)
	s.many[name] = struct{}{}
	return len(s.many) > n
}

// filterBit tells most names of one object apart, and costs next to nothing.
func filterBit(name string) uint64 {
	if name == "" {
		return 1
	}
	return 1 << ((uint(len(name)) + 5*uint(name[0]) + 11*uint(name[len(name)-1])) % 64)
}
