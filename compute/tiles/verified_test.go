package tiles

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

func TestVerifiedForgetsTheOldestAndWhatItIsTold(t *testing.T) {
	v := newVerified(4)
	d := func(i int) catalog.Digest { return catalog.Sum([]byte{byte(i)}) }
	for i := range 4 {
		v.add(d(i))
	}
	v.add(d(4)) // begins a new generation
	for i := range 5 {
		if i != 2 && !v.has(d(i)) { // which takes what is asked for along
			t.Errorf("%d forgotten too early", i)
		}
	}
	v.forget(d(0))
	if v.has(d(0)) {
		t.Error("0 is still verified")
	}
	for i := 10; i < 16; i++ {
		v.add(d(i))
	}
	if v.has(d(2)) {
		t.Error("2 was not asked for, and is remembered beyond the bound")
	}
	if n := len(v.young) + len(v.old); n > 8 {
		t.Errorf("%d remembered, at most 8", n)
	}
}
