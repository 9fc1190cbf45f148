package readround

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// watched is a context that tells when somebody waits for its end.
type watched struct {
	context.Context
	waits chan<- struct{}
}

func (w watched) Done() <-chan struct{} {
	w.waits <- struct{}{}
	return w.Context.Done()
}

// Reads that come while the leader is asked share the next question; none is answered by a
// question that was sent before it came. Before, each asked the leader.
func TestReadsShareTheRoundThatBeginsAfterThem(t *testing.T) {
	r := Rounds{wait: time.Hour}
	asked := uint64(0) // one round at a time
	sent, answer := make(chan struct{}, 2), make(chan struct{})
	ask := func(context.Context) (uint64, error) {
		asked++
		sent <- struct{}{}
		<-answer
		return asked, nil
	}
	var all sync.WaitGroup
	read := func(ctx context.Context, want uint64) {
		all.Go(func() {
			if index, err := r.Committed(ctx, ask); index != want || err != nil {
				t.Errorf("got %d, %v, want the answer to question %d", index, err, want)
			}
		})
	}
	read(t.Context(), 1)
	<-sent
	const many = 50
	waits := make(chan struct{}, many)
	for range many {
		read(watched{t.Context(), waits}, 2)
	}
	for range many - 1 { // one of them asks
		<-waits
	}
	answer <- struct{}{}
	answer <- struct{}{}
	all.Wait()
	if asked != 2 {
		t.Errorf("%d questions for %d reads", asked, many+1)
	}
}

// A leader that does not answer keeps nobody from asking: the next question is sent beside.
func TestReadsDoNotWaitForARoundThatHangs(t *testing.T) {
	var r Rounds
	hung, free := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := r.Committed(t.Context(), func(context.Context) (uint64, error) { close(hung); <-free; return 1, nil }); err != nil {
			t.Error(err)
		}
	})
	<-hung
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	index, err := r.Committed(ctx, func(context.Context) (uint64, error) { return 2, nil })
	if index != 2 || err != nil {
		t.Errorf("got %d, %v", index, err)
	}
	close(free)
	all.Wait()
}

// A read whose caller leaves returns; the round goes on for the others.
func TestRoundOutlivesTheReadThatOpenedIt(t *testing.T) {
	var r Rounds
	ctx, leave := context.WithCancel(t.Context())
	sent, answer := make(chan struct{}), make(chan struct{})
	opened := make(chan error, 1)
	go func() {
		_, err := r.Committed(ctx, func(ctx context.Context) (uint64, error) { close(sent); <-answer; return 7, ctx.Err() })
		opened <- err
	}()
	<-sent
	leave()
	close(answer)
	if err := <-opened; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
