package audit

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

func FuzzParseMonitorState(f *testing.F) {
	profile := client.Profile{Cluster: catalog.Sum([]byte("cluster"))}
	parse := func(b []byte) (State, error) { return parseState(b, profile) }
	good, err := json.Marshal(State{Version: 1, Cluster: profile.Cluster, Nodes: map[string]Head{"n1": {Size: 3, Note: []byte("note")}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"v":1,"nodes":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parse(b)
		if err != nil {
			return
		}
		if s.Cluster != profile.Cluster {
			t.Fatalf("what was seen of cluster %s", s.Cluster)
		}
		b, err = json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := parse(b); err != nil || !reflect.DeepEqual(back, s) {
			t.Fatalf("read again: %+v, %v, want %+v", back, err, s)
		}
	})
}
