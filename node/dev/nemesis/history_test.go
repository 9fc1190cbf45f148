package nemesis

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A count that is wrong by one is found: one lost, and one counted twice.
func TestWrongCountsAreFound(t *testing.T) {
	query := counted{contract: "k"}
	maybe := counted{contract: "k", unknown: true}
	refund := counted{contract: "k", refund: true}
	read := func(n int) counted { return counted{contract: "k", read: true, value: n} }
	for _, c := range []struct {
		name string
		ops  []counted
		want porcupine.CheckResult
	}{
		{"right", []counted{query, read(1), query, read(2)}, porcupine.Ok},
		{"lost", []counted{query, query, read(1)}, porcupine.Illegal},
		{"twice", []counted{query, read(2)}, porcupine.Illegal},
		{"unknown, charged", []counted{maybe, read(1)}, porcupine.Ok},
		{"unknown, not charged", []counted{maybe, read(0)}, porcupine.Ok},
		{"unknown, charged late", []counted{maybe, read(0), read(1)}, porcupine.Ok},
		{"unknown, twice", []counted{maybe, read(2)}, porcupine.Illegal},
		{"refunded", []counted{query, read(1), refund, read(0)}, porcupine.Ok},
		{"taken back", []counted{query, read(1), read(0)}, porcupine.Illegal},
	} {
		h := newHistory()
		for _, op := range c.ops {
			h.count(0, time.Since(h.started), op)
		}
		if got := h.linearizable(time.Minute); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestGapsAreBetweenSuccesses(t *testing.T) {
	h := newHistory()
	h.successes = []time.Duration{5 * time.Second, time.Second}
	h.end(errors.New("no answer"))
	got := h.gaps(6 * time.Second)
	if len(got) != 3 || got[0] != time.Second || got[2] != 4*time.Second || h.unknowns != 1 {
		t.Errorf("gaps %v, %d unknown", got, h.unknowns)
	}
}

// A check that never fails shows nothing.
func TestTwoContributionsInOnePlaceAreFound(t *testing.T) {
	line := func(session string, batch int, contexts, given string) string {
		return fmt.Sprintf(`{"time":"x","level":"DEBUG","msg":"contributed","component":"node","session":%q,"batch":%d,"contexts":%q,"given":%q}`+"\n", session, batch, contexts, given)
	}
	good := line("query/q/1", 0, "a", "x") + line("query/q/1", 1, "b", "y") + line("query/q/2", 0, "c", "z") + line("query/q/1", 0, "a", "x") +
		`{"msg":"contributed","sess` + "\n" + `{"msg":"another","session":"query/q/1","given":"w"}` + "\n"
	if n, err := checkGiven(strings.NewReader(good)); n != 3 || err != nil {
		t.Errorf("%d batches, %v", n, err)
	}
	for name, again := range map[string]string{
		"another sum, set or sharing": line("query/q/1", 0, "d", "x"),
		"other randomness":            line("query/q/1", 1, "b", "w"),
	} {
		if _, err := checkGiven(strings.NewReader(good + again)); err == nil {
			t.Errorf("%s: not found", name)
		}
	}
}
