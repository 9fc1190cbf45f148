package feed

// Listening is closed once all sources are open; Address says then where one listens.
func (f *Feed) Listening() <-chan struct{} { return f.listening }

// Address is where a source listens.
func (f *Feed) Address(source string) (address string) {
	f.told.source(source, func(s *SourceState) { address = s.Address })
	return address
}
