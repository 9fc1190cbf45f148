package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each event is told once; again only after it was over, and not after a look that could not see it.
func TestEachNoticeIsToldOnce(t *testing.T) {
	died, order := Event{KindNode, "n2"}, Event{KindOrder, "o-1"}
	looks := []struct {
		events []Event
		kinds  []string
		told   []Event
	}{
		{[]Event{died}, []string{KindNode, KindOrder}, []Event{died}},
		{[]Event{died, order}, []string{KindNode, KindOrder}, []Event{order}},
		{nil, nil, nil}, // nothing could be seen: nothing is over
		{[]Event{died, order}, []string{KindNode, KindOrder}, nil},
		{[]Event{order}, []string{KindNode, KindOrder}, nil},
		{[]Event{died, order}, []string{KindNode, KindOrder}, []Event{died}},
	}
	now := time.Unix(1000, 0)
	var told []Event
	at, looked := 0, make(chan struct{})
	w := New(Options{
		Look: func(context.Context) ([]Event, []string) { l := looks[at]; return l.events, l.kinds },
		Tell: func(_ context.Context, n Notice) error {
			told = append(told, n.Event)
			return errors.New("nobody is there")
		},
		Failed: func(error) {},
		Now:    func() time.Time { return now },
	})
	for i, l := range looks {
		at, told = i, nil
		w.look(t.Context())
		if !slices.Equal(told, l.told) {
			t.Errorf("look %d tells %v, want %v", i, told, l.told)
		}
		now = now.Add(Every)
	}
	all := w.All()
	if len(all) != 3 || all[0].Event != died || all[0].At != 1000_000+5*Every.Milliseconds() || all[2].Event != died {
		t.Errorf("kept are %+v", all)
	}
	// It ends with its context, wherever it is.
	ctx, cancel := context.WithCancel(t.Context())
	go func() { w.Run(ctx, make(chan time.Time)); close(looked) }()
	cancel()
	<-looked
}

func TestNoticesAreBounded(t *testing.T) {
	var events []Event
	for i := range 1000 {
		events = append(events, Event{KindOrder, fmt.Sprint(i)})
	}
	n := 0
	w := New(Options{
		Look: func(context.Context) ([]Event, []string) { return events, []string{KindOrder} }, Now: time.Now,
		Tell: func(context.Context, Notice) error { n++; return nil },
	})
	w.look(t.Context())
	if n != maxKept || len(w.All()) != maxKept {
		t.Errorf("%d are told and %d kept", n, len(w.All()))
	}
}

// What happens in a cluster is seen by whom it concerns, and nothing of it is in the notice but names.
func TestALookSeesOrdersContractsAndNodes(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	order, err := exchange.CreateOrder(w.Ctx, w.Client(catalog.RoleBuyer), catalog.OrderCreate{Dataset: "air", Purpose: "a secret purpose"})
	w.Must(err)
	see := func(role catalog.Role) []Event { events, _ := Looker(w.Client(role), nil)(w.Ctx); return events }
	if got := see(catalog.RolePublisher); !slices.Contains(got, Event{KindOrder, order}) {
		t.Errorf("the publisher sees %v", got)
	}
	for _, role := range []catalog.Role{catalog.RoleBuyer, catalog.RoleOperator} {
		if got := see(role); slices.ContainsFunc(got, func(e Event) bool { return e.Kind == KindOrder }) {
			t.Errorf("the %s, who decides nothing, sees %v", role, got)
		}
	}
	w.Servers[1].Close()
	if got := see(catalog.RoleBuyer); !slices.Contains(got, Event{KindNode, "n2"}) {
		t.Errorf("a node died, and the buyer sees %v", got)
	}
	for _, c := range []struct {
		k    catalog.Contract
		want bool
	}{
		{catalog.Contract{}, false}, {catalog.Contract{Queries: 10, Used: 9}, false}, {catalog.Contract{Queries: 10, Used: 10}, true},
		{catalog.Contract{Budget: "100.00", Spent: "90.00"}, false}, {catalog.Contract{Budget: "100.00", Spent: "90.01"}, true},
		{catalog.Contract{Budget: "100.00"}, false}, {catalog.Contract{Budget: "x", Spent: "y"}, false},
	} {
		if nearlySpent(c.k) != c.want {
			t.Errorf("%+v is nearly spent: %v", c.k, !c.want)
		}
	}
}

func TestNoticesAreToldToAWebhookAndACommand(t *testing.T) {
	got := make(chan Notice, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n Notice
		b, err := io.ReadAll(r.Body)
		if err = errors.Join(err, json.Unmarshal(b, &n)); err != nil || r.Method != http.MethodPost {
			t.Errorf("it gets %s, %v", b, err)
		}
		got <- n
	}))
	defer s.Close()
	dir := t.TempDir()
	command := filepath.Join(dir, "tell")
	if err := os.WriteFile(command, []byte("#!/bin/sh\n{ echo \"$1 $2\"; cat; } >\""+dir+"/told\"\n"), 0o700); err != nil { //nolint:gosec // G306: it is run
		t.Fatal(err)
	}
	n := Notice{Event{KindNode, "n2; rm -rf /"}, "node n2 does not answer", 5}
	if err := Teller(s.URL, command)(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if posted := <-got; posted != n {
		t.Errorf("posted is %+v", posted)
	}
	told, err := os.ReadFile(filepath.Join(dir, "told"))
	if err != nil || string(told) != "node n2; rm -rf /\nnode n2 does not answer\n" {
		t.Errorf("the command gets %q, %v", told, err)
	}
	refuses := httptest.NewServer(http.NotFoundHandler())
	defer refuses.Close()
	if err := Teller(refuses.URL+"/secret", filepath.Join(dir, "missing"))(t.Context(), n); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "404") {
		t.Errorf("refused with %v", err)
	}
	if Teller("", "") != nil {
		t.Error("nobody is told something")
	}
	for address, ok := range map[string]bool{"https://x.example/hook": true, "http://127.0.0.1:9/x": true, "http://x.example": false, "file:///etc": false, "": false, "https://": false} {
		if (CheckURL(address) == nil) != ok {
			t.Errorf("%q is taken: %v", address, !ok)
		}
	}
}

// What a lying node calls an order goes to nobody's command as an argument, and to nobody's terminal.
func TestALyingNodeNamesNoArguments(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	_, err := exchange.CreateOrder(w.Ctx, w.Client(catalog.RoleBuyer), catalog.OrderCreate{Dataset: "air", Purpose: "x"})
	w.Must(err)
	lied := false
	w.Lies(func(path string, body []byte) []byte {
		if path == "/v1/orders" || path == "/v1/contracts" {
			lied = true
			return []byte(idForm.ReplaceAllString(string(body), `"id":"--exec=rm$2"`))
		}
		return body
	})
	for _, role := range []catalog.Role{catalog.RolePublisher, catalog.RoleBuyer} {
		events, _ := Looker(w.Client(role), nil)(w.Ctx)
		for _, e := range events {
			if strings.HasPrefix(e.Of, "-") || strings.Contains(e.Of, "exec") {
				t.Errorf("the %s is told of %+v", role, e)
			}
		}
	}
	if !lied {
		t.Error("no node was asked for orders")
	}
}

var idForm = regexp.MustCompile(`"id":"(o|c)-[0-9a-f]+(")?`)

// A webhook that redirects gets no notice sent to another host, one that is slow is given up, and what it answers is not
// read; credentials in its address are sent to it, and told nobody.
func TestAWebhookIsGivenNoMoreThanANotice(t *testing.T) {
	elsewhere := make(chan string, 8)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere <- r.URL.Path }))
	defer other.Close()
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirects":
			http.Redirect(w, r, other.URL+"/stolen", http.StatusTemporaryRedirect)
		case "/hangs":
			<-hang
		case "/talks": // without an end
			for _, err := w.Write(make([]byte, 1<<16)); err == nil; _, err = w.Write(make([]byte, 1<<16)) {
				continue
			}
		case "/knows":
			if user, password, ok := r.BasicAuth(); !ok || user != "weir" || password != "s3cret" {
				w.WriteHeader(http.StatusUnauthorized)
			}
		}
	}))
	defer s.Close()
	n := Notice{Event{KindNode, "n2"}, "node n2 does not answer", 5}
	if err := Teller(s.URL+"/redirects", "")(t.Context(), n); err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("redirected it ends with %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := Teller(s.URL+"/hangs", "")(ctx, n); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a slow one ends with %v", err)
	}
	close(hang)
	if err := Teller(s.URL+"/talks", "")(t.Context(), n); err != nil {
		t.Errorf("one that talks ends with %v", err)
	}
	with := strings.Replace(s.URL, "http://", "http://weir:s3cret@", 1)
	if err := Teller(with+"/knows", "")(t.Context(), n); err != nil {
		t.Errorf("one that asks for a password ends with %v", err)
	}
	s.Close()
	if err := Teller(with+"/knows", "")(t.Context(), n); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("one that is away ends with %v", err)
	}
	if len(elsewhere) > 0 {
		t.Errorf("another host was asked for %s", <-elsewhere)
	}
}
