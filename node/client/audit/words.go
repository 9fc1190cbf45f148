package audit

import (
	"fmt"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
)

// Words says in sentences what was proven, the most important first.
func (p *Proven) Words(l explain.Language) []string {
	var say []string
	var chinese map[string]string
	if l == explain.Chinese {
		chinese = chineseWords()
	}
	in := func(format string, args ...any) string {
		if chinese != nil {
			format = chinese[format]
		}
		return fmt.Sprintf(format, args...)
	}
	add := func(format string, args ...any) { say = append(say, in(format, args...)) }
	switch {
	case p.Refusal != nil:
		add("%s signed a %s, and it was refused at %s: %s (rule %s).", p.Signer, p.Kind, ledgerTime(p.Time), l.Message(p.Refusal), p.Refusal.Rule)
	case p.Query != nil:
		p.Query.words(p, add)
	case p.Version != nil:
		v := p.Version
		add("Publisher %s proposed version %d of dataset %s at %s, in %d tiles.", p.Signer, v.Version, v.Dataset, ledgerTime(p.Time), v.Tiles)
		add("Its manifest has the digest %s, its presence %s.", v.Manifest, v.Presence)
		if v.Live > 0 {
			add("The nodes stored and checked it; it went live at %s.", ledgerTime(v.Live))
		} else {
			add("That it went live is not proven here.")
		}
	default:
		add("%s signed a %s, and it was accepted at %s.", p.Signer, p.Kind, ledgerTime(p.Time))
		if p.ID != "" {
			add("It made or changed %s.", p.ID)
		}
	}
	add("The signed envelope, digest %s, is entry %d of the evidence log of cluster %s.", p.Envelope, p.Entry, p.Cluster)
	nodes := make([]string, len(p.Signed))
	for i, v := range p.Signed {
		nodes[i] = in("%s at %s", v.Node, time.Unix(v.Time, 0).UTC().Format(time.RFC3339))
	}
	add("The log's first %d entries, root %s, were signed by %s.", p.Size, p.Root, strings.Join(nodes, in(" and ")))
	return say
}

func (q *ProvenQuery) words(p *Proven, add func(string, ...any)) {
	d := q.Decision
	add("%q (%s) asked query %s at %s.", d.Name, p.Signer, catalog.QueryID(p.Envelope), ledgerTime(p.Time))
	if q.SQL != "" {
		add("The SQL that was signed: %q.", q.SQL)
	}
	add("It was accepted under contract %s: %d groups released, %d withheld, by the verdict with digest %s.", d.Contract, d.Groups, d.Withheld, d.Verdict)
	if d.Price != "" {
		add("It was charged at %s %s.", d.Price, d.Currency)
	}
	if d.Repeats != "" {
		add("It repeats query %s, which was released before, and releases nothing new.", d.Repeats)
	}
	add("It reads version %d of dataset %s, manifest %s, presence %s.", d.Version, d.Dataset, d.Manifest, d.Presence)
	for _, l := range d.Layers {
		add("Of version %d it takes what later versions did not change: manifest %s, presence %s.", l.Version, l.Manifest, l.Presence)
	}
	q.joinWords(add)
	switch {
	case q.Attempt > 0 && q.Request.Verify:
		add("Attempt %d was given to the nodes %s, as a checked answer: each set of them that opens together opened %d tiles.", q.Attempt, strings.Join(q.Active, ", "), q.Tiles)
	case q.Attempt > 0:
		add("Attempt %d was given to the nodes %s, gathered by %s, opening %d tiles.", q.Attempt, strings.Join(q.Active, ", "), q.Root, q.Tiles)
	}
	for _, s := range q.Shares {
		add("Node %s sealed its share to the buyer, digest %s.", s.Node, s.Sealed)
	}
	switch {
	case q.Done && q.Attempt == 0:
		add("It asked for counts, which are public: nothing was opened.")
	case q.Done:
		add("All members of the attempt have sealed their shares: the query was answered.")
	default:
		add("That the query was answered is not proven here.")
	}
}

// joinWords say what a query's readings are multiplied with.
func (q *ProvenQuery) joinWords(add func(string, ...any)) {
	j := q.Decision.Join
	if j == nil {
		return
	}
	add("It joins version %d of dataset %s, manifest %s, presence %s, under contract %s.", j.Version, j.Dataset, j.Manifest, j.Presence, j.Contract)
	for _, l := range j.Layers {
		add("It reads version %d of %s: manifest %s, presence %s.", l.Version, j.Dataset, l.Manifest, l.Presence)
	}
}

func ledgerTime(unixMilli int64) string {
	return time.UnixMilli(unixMilli).UTC().Format("2006-01-02T15:04:05.000Z")
}
