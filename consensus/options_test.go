package consensus

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

func TestOptionsNameTheWrongField(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		for field, mutate := range map[string]func(*Options){
			"Dir":                 func(o *Options) { o.Dir = "" },
			"ID":                  func(o *Options) { o.ID = "" },
			"Transport":           func(o *Options) { o.Transport = nil },
			"Machine":             func(o *Options) { o.Machine = nil },
			"Members":             func(o *Options) { o.ID = "stranger" },
			"Members[0]":          func(o *Options) { o.Members[0].ID = "" },
			"Members[1]":          func(o *Options) { o.Members[1].Addr = o.Members[0].Addr },
			"Members[2]":          func(o *Options) { o.Members[2].ID = o.Members[0].ID },
			"HeartbeatTimeout":    func(o *Options) { o.HeartbeatTimeout = time.Millisecond },
			"ElectionTimeout":     func(o *Options) { o.ElectionTimeout = o.HeartbeatTimeout / 2 },
			"LeaderLeaseTimeout":  func(o *Options) { o.LeaderLeaseTimeout = o.HeartbeatTimeout * 2 },
			"CommitTimeout":       func(o *Options) { o.CommitTimeout = -1 },
			"NoQuorumTimeout":     func(o *Options) { o.NoQuorumTimeout = -1 },
			"SnapshotInterval":    func(o *Options) { o.SnapshotInterval = 1 },
			"MaintenanceInterval": func(o *Options) { o.MaintenanceInterval = -1 },
		} {
			c := newCluster(t, 3, nil)
			o := c.options("n1")
			o.Transport = c.layer["n1"]
			mutate(&o)
			l, err := Open(o)
			var wrong *OptionError
			if !errors.As(err, &wrong) || wrong.Field != field || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: %v", field, err)
			}
			if l != nil {
				t.Errorf("%s: a ledger was opened", field)
			}
			if o.Transport == nil {
				continue
			}
			if _, err := c.layer["n1"].Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: the transport was left open: %v", field, err)
			}
		}
	})
}

func TestDefaultsAreValid(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		o, err := Options{Dir: "d", ID: "n1", Machine: kv{}, Transport: c.layer["n1"]}.validate()
		if err != nil {
			t.Fatal(err)
		}
		if o.NoQuorumTimeout >= 10*time.Second || o.NoSync || o.Logger == nil {
			t.Errorf("defaults: %+v", o)
		}
	})
}

func TestNotificationsCoalesce(t *testing.T) {
	h := newNotifier()
	ch, cancel := h.subscribe()
	<-ch // one to begin with
	for range 5 {
		h.notify()
	}
	<-ch
	select {
	case <-ch:
		t.Error("a second notification")
	default:
	}
	cancel()
	h.notify()
	select {
	case <-ch:
		t.Error("a notification after the end")
	default:
	}
}
