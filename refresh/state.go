package refresh

import "time"

// A State is a family as a [Store] keeps it.
type State struct {
	Family
	Generation uint32    // of the newest token
	Rotated    time.Time // when that was made, for a generation above 0
	Revoked    bool
}

// Use decides on a token and changes the state accordingly, as [Store] says, for
// stores that hold the family meanwhile. Only Rotated and Reused change anything.
func (s *State) Use(u Use) Outcome {
	switch {
	case s.Revoked:
		return Revoked
	case !u.Now.Before(s.Expires), !u.Now.Before(s.Idle):
		return Expired
	case u.Generation == s.Generation:
		s.Generation, s.Rotated, s.Idle = s.Generation+1, u.Now, u.Idle
		return Rotated
	case u.Generation > s.Generation:
		return Unknown
	case u.Generation == s.Generation-1 && u.Now.Sub(s.Rotated) <= u.Grace:
		return Replayed
	}
	s.Revoked = true
	return Reused
}
