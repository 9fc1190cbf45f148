package main

import "time"

// patience is how long a command that waits may be silent: then it says for what. The
// client, which often knows it better, is given five seconds.
const patience = 7 * time.Second

// howToStop adds to what a command waits for how to stop waiting, and what that would
// leave behind.
func (a *app) howToStop(waiting string) string {
	return a.interrupted(waiting + "; Ctrl-C stops waiting")
}

// patiently says what a command waits for when it has said nothing for a while, until stop
// is called. On a terminal there is a bar instead, and perhaps a question.
func (a *app) patiently(waiting string) (stop func()) {
	if a.newProgress().out != nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	said := a.notes.Load()
	t := time.NewTimer(patience)
	go func() {
		defer close(ended)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
			}
			if now := a.notes.Load(); now != said {
				said = now
				t.Reset(patience)
				continue
			}
			a.note("%s", a.howToStop(waiting))
			return
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
