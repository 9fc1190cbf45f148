package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// told is the time in which a caller is to hear that there is no quorum.
const told = 10 * time.Second

// quorumWait is how long a node looks for a leader by default (consensus.DefaultNoQuorumTimeout).
const quorumWait = 6 * time.Second

// behaviour is what a node does with a request; asked counts from 1 and leaves pings out.
type behaviour func(r *http.Request, asked int) (*http.Response, error)

func replies(r *http.Request, status int, head http.Header, body string) *http.Response {
	head = head.Clone()
	if head == nil {
		head = http.Header{}
	}
	kind := "application/json"
	if status >= http.StatusBadRequest {
		kind = "application/problem+json"
	}
	head.Set("Content-Type", kind)
	return &http.Response{StatusCode: status, Header: head, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

func isPing(r *http.Request) bool { return r.URL.Path == "/livez" }

func serves(r *http.Request, _ int) (*http.Response, error) {
	return replies(r, http.StatusOK, nil, `{}`), nil
}

// hangs takes every connection and answers nothing.
func hangs(r *http.Request, _ int) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func isGone(*http.Request, int) (*http.Response, error) { return nil, errors.New("connection refused") }

// findsNoQuorum lives, looks for a leader and says that there is none.
func findsNoQuorum(r *http.Request, _ int) (*http.Response, error) {
	if isPing(r) {
		return replies(r, http.StatusOK, nil, ""), nil
	}
	if err := Pause(r.Context(), quorumWait); err != nil {
		return nil, err
	}
	return replies(r, http.StatusServiceUnavailable, nil, fmt.Sprintf(`{"kind":%q,"message":"no quorum: 1 of 3"}`, wire.KindNoQuorum)), nil
}

// refusesUntil answers that it is busy, and for how long, until its so-manieth request.
func refusesUntil(request int, seconds string) behaviour {
	return func(r *http.Request, asked int) (*http.Response, error) {
		if isPing(r) || asked >= request {
			return serves(r, asked)
		}
		return replies(r, http.StatusTooManyRequests, http.Header{"Retry-After": {seconds}}, `{"kind":"busy","message":"later"}`), nil
	}
}

// asking is a request that a node got: which node, and when, since the test began.
type asking struct {
	node int
	at   time.Duration
}

// fakeNodes are nodes in a bubble of package synctest, reached without a network: time passes
// only while everybody waits, so what a client waits for can be told exactly.
type fakeNodes struct {
	*Client
	do    []behaviour
	begin time.Time

	mu    sync.Mutex
	log   []asking // requests other than pings
	count []int
}

// newFakeNodes is to be called in a bubble; the first node is asked first.
func newFakeNodes(t *testing.T, o Options, do ...behaviour) *fakeNodes {
	t.Helper()
	profile := Profile{Cluster: catalog.Sum([]byte("cluster")), Threshold: 2}
	for i := range do {
		profile.Nodes = append(profile.Nodes, ProfileNode{
			ID: fmt.Sprintf("n%d", i+1), Addr: fmt.Sprintf("https://127.0.0.1:%d", 8001+i), Key: bytes.Repeat([]byte{byte(i)}, 32), //nolint:gosec // a few
		})
	}
	profile.Addr = profile.Nodes[0].Addr
	c, err := New(profile, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeNodes{Client: c, do: do, begin: time.Now(), count: make([]int, len(do))}
	c.http.Transport = f
	return f
}

// RoundTrip implements http.RoundTripper.
func (f *fakeNodes) RoundTrip(r *http.Request) (*http.Response, error) {
	i := slices.IndexFunc(f.profile.Nodes, func(n ProfileNode) bool { return n.Addr == "https://"+r.URL.Host })
	f.mu.Lock()
	if !isPing(r) {
		f.count[i]++
		f.log = append(f.log, asking{i, time.Since(f.begin)})
	}
	asked := f.count[i]
	f.mu.Unlock()
	return f.do[i](r, asked)
}

// asked are the requests so far, in order.
func (f *fakeNodes) asked() (nodes []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.log {
		nodes = append(nodes, a.node)
	}
	return nodes
}

// One of three nodes is left: every kind of call ends within ten seconds and says that there is
// no quorum, whichever node is asked first, and whatever ails the others.
func TestLostQuorumIsToldWithinTenSeconds(t *testing.T) {
	calls := map[string]Call{
		"a read": {Path: "/v1/contracts"}, "an act": {Method: http.MethodPost, Path: "/v1/envelopes", Body: []byte("{}")},
		"an upload": {Method: http.MethodPut, Path: "/v1/blobs/1", Body: []byte("b")}, "a wait": Call{Path: "/v1/keys/k"}.held(nextWait),
	}
	ails := map[string]behaviour{"hangs": hangs, "is gone": isGone}
	for call, r := range calls {
		for first, a := range ails {
			for second, b := range ails {
				for place := range 3 {
					t.Run(fmt.Sprintf("%s, one %s, one %s, at %d", call, first, second, place), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							f := newFakeNodes(t, Options{}, slices.Insert([]behaviour{a, b}, place, behaviour(findsNoQuorum))...)
							_, err := f.Do(t.Context(), r)
							var p *wire.Problem
							if !errors.As(err, &p) || p.Kind != wire.KindNoQuorum {
								t.Errorf("got %v, want no quorum", err)
							}
							bound := told
							if first == "hangs" && second == "hangs" && (r.Wait > 0 || !r.mayBeDoubled()) {
								// The second is tried after the third has looked for a quorum.
								bound = quorumWait + 2*(pingAfter+DefaultPingTimeout)
							}
							if took := time.Since(f.begin); took > bound {
								t.Errorf("told after %s", took)
							}
						})
					})
				}
			}
		}
	}
}

// What a node held when the quorum was lost, and it began to hang, is asked of another one,
// which finds no quorum: that is within ten seconds of the loss, too.
func TestWaitIsEndedWithinTenSecondsOfTheLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lost = 3 * time.Second
		begin := time.Now()
		answersUntilLost := func(r *http.Request, asked int) (*http.Response, error) {
			if isPing(r) && time.Since(begin) < lost {
				return serves(r, asked)
			}
			return hangs(r, asked)
		}
		f := newFakeNodes(t, Options{}, answersUntilLost, isGone, findsNoQuorum)
		_, err := f.Do(t.Context(), Call{Path: "/v1/keys/k"}.held(nextWait))
		var p *wire.Problem
		if took := time.Since(f.begin); !errors.As(err, &p) || p.Kind != wire.KindNoQuorum || took > lost+told {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

// Two of three nodes hang: that costs the time after which another one is asked as well, and
// the one that answered is asked first from then on, and alone.
func TestNodesThatHangCostTheTimeOfOne(t *testing.T) {
	for name, x := range map[string]struct {
		call Call
		most time.Duration
	}{
		"a read":    {Call{Path: "/v1/principals"}, 2 * firstHedge},
		"an upload": {Call{Method: http.MethodPut, Path: "/v1/blobs/1", Body: []byte("b")}, pingAfter + DefaultPingTimeout}, // is made once at a time
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeNodes(t, Options{}, hangs, hangs, serves)
				if _, err := f.Do(t.Context(), x.call); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(f.begin); took > x.most {
					t.Errorf("it took %s, want %s at most", took, x.most)
				}
				before, since := len(f.asked()), time.Now()
				if _, err := f.Do(t.Context(), x.call); err != nil {
					t.Fatal(err)
				}
				if took, asked := time.Since(since), f.asked()[before:]; took != 0 || !slices.Equal(asked, []int{2}) {
					t.Errorf("the second request took %s and was made on %v, want at once on the third alone", took, asked)
				}
			})
		})
	}
}

// A client waits as long as it is told to, and where that is longer than it has time for it
// says so at once.
func TestClientComesBackWhenItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeNodes(t, Options{}, refusesUntil(3, "1"), refusesUntil(4, "1"), refusesUntil(4, "1"))
		if _, err := f.Do(t.Context(), Call{Path: "/v1/datasets"}); err != nil {
			t.Fatal(err)
		}
		// Each round asks every node, until one serves in the third.
		if len(f.log) != 7 {
			t.Fatalf("asked %v, want two rounds and one node", f.log)
		}
		for _, i := range []int{3, 6} {
			if pause := f.log[i].at - f.log[i-1].at; pause < time.Second || pause >= 2*time.Second {
				t.Errorf("%s between two rounds, want a second and up to half of one", pause)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFakeNodes(t, Options{}, refusesUntil(9, "3600"), refusesUntil(9, "3600"), refusesUntil(9, "3600"))
		_, err := f.Do(t.Context(), Call{Path: "/v1/datasets"})
		var p *wire.Problem
		if took := time.Since(f.begin); !errors.As(err, &p) || p.Kind != wire.KindBusy || len(f.log) != 3 || took != 0 {
			t.Errorf("after %s and %d requests: %v, want busy at once after one round", took, len(f.log), err)
		}
	})
}

// A client comes back no earlier than the first node that it may ask again says, also after
// a refusal for overload.
func TestRetryAfterOfAnOverloadedNodeIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		overloaded := func(r *http.Request, asked int) (*http.Response, error) {
			if isPing(r) || asked > 1 {
				return serves(r, asked)
			}
			return replies(r, http.StatusServiceUnavailable, http.Header{"Retry-After": {"3"}}, fmt.Sprintf(`{"kind":%q,"message":"too much"}`, wire.KindUnavailable)), nil
		}
		f := newFakeNodes(t, Options{}, overloaded, overloaded, overloaded)
		if _, err := f.Do(t.Context(), Call{Path: "/v1/datasets"}); err != nil {
			t.Fatal(err)
		}
		if len(f.log) != 4 || f.log[3].at < 3*time.Second {
			t.Errorf("asked %v, want each node once and one again after three seconds", f.log)
		}
	})
}
