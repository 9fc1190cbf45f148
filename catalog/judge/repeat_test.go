package judge

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

// What an answer is repeated for is bound to commitments: were there a second portfolio
// under the id of the first, it would not be answered with the first one's figure, nor
// would the verdict say that it was judged on it.
func TestRepeatIsOfOneCommitmentAndOneSource(t *testing.T) {
	j := Judgement{Version: catalog.Version{Version: 3, VersionPropose: catalog.VersionPropose{Manifest: catalog.Sum([]byte("m")), Presence: catalog.Sum([]byte("p"))}}}
	j.vectors = []catalog.VectorUse{{Commitment: catalog.Sum([]byte("mine"))}}
	j.sources = []catalog.Digest{j.Version.Manifest, j.Version.Presence}
	q := catalog.Request{Dataset: "m", In: "v-00"}
	same := q
	same.SQL, same.AsOf = "SELECT something", 3
	if j.asked(q) != j.asked(same) {
		t.Error("the SQL tells two requests apart")
	}
	for name, change := range map[string]func(*Judgement, *catalog.Request){
		"another commitment": func(j *Judgement, _ *catalog.Request) {
			j.vectors = []catalog.VectorUse{{Commitment: catalog.Sum([]byte("yours"))}}
		},
		"another source": func(j *Judgement, _ *catalog.Request) {
			j.sources = []catalog.Digest{j.sources[0], catalog.Sum([]byte("n"))}
		},
		"another verdict": func(j *Judgement, _ *catalog.Request) { j.Encoded = []byte("another") },
		"another version": func(j *Judgement, _ *catalog.Request) { j.Version.Version = 4 },
		"another request": func(_ *Judgement, q *catalog.Request) { q.Complete = true },
	} {
		k, r := j, q
		if change(&k, &r); k.asked(r) == j.asked(q) {
			t.Errorf("%s: it is taken for a repeat", name)
		}
	}
	v := catalog.Verdict{Vectors: []catalog.VectorUse{{ID: "v-00", Commitment: j.vectors[0].Commitment}}}
	w := catalog.Verdict{Vectors: []catalog.VectorUse{{ID: "v-00", Commitment: catalog.Sum([]byte("yours"))}}}
	if v.Digest() == w.Digest() {
		t.Error("the verdict does not bind the commitment")
	}
}
