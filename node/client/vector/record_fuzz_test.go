package vector

import (
	"encoding/json"
	"reflect"
	"testing"
)

func FuzzParsePortfolioRecord(f *testing.F) {
	good, err := json.Marshal(Record{Version: recordVersion, Owner: "p-1", Name: "mine", Vector: "v-1", File: "00"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[1:])
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			return
		}
		b, err = json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := parseRecord(b); err != nil || !reflect.DeepEqual(back, r) {
			t.Fatalf("read again: %+v, %v, want %+v", back, err, r)
		}
	})
}
