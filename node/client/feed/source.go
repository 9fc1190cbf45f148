package feed

// opened is a source that is read: its readings go to the intake, and what became of them into the state.
type opened struct {
	*intake
	source  *Source
	note    func(format string, args ...any) // tells a person
	listens func(source, address string)     // says where the source listens
	stop    func(error)                      // ends the feed
}

// tell changes the state of the source.
func (x *opened) tell(change func(*SourceState)) { x.told.source(x.source.Name, change) }

// took notes that so many lines, files or rows came.
func (x *opened) took(n int64) {
	now := x.now()
	x.tell(func(s *SourceState) {
		s.Taken += n
		s.Last = now
	})
}

// failed notes what is tried again.
func (x *opened) failed(err error) {
	x.tell(func(s *SourceState) { s.Error = &Happened{x.now(), err.Error()} })
	x.note("source %s is tried again: %v", x.source.Name, err)
}
