package buyer

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/desk/route"
)

// Question is a query and how it is asked: as weir query with the flags of these names.
type Question struct {
	SQL          string `json:"sql"`
	Contract     string `json:"contract,omitempty"`
	JoinContract string `json:"join_contract,omitempty"`
	Complete     bool   `json:"complete,omitempty"`
	Partial      bool   `json:"partial,omitempty"`
	AsOf         int    `json:"as_of,omitempty"`
	Newest       bool   `json:"as_of_auto,omitempty"`
	JoinAsOf     int    `json:"join_as_of,omitempty"`
	Epsilon      string `json:"epsilon,omitempty"`
	Delta        string `json:"delta,omitempty"`
	Fresh        bool   `json:"fresh,omitempty"`  // ask the nodes even if this machine has the answer
	Verify       bool   `json:"verify,omitempty"` // have several sets of nodes open it, and compare their answers
}

// options are how the question is asked.
func (q Question) options() ask.Options {
	return ask.Options{
		Contract: q.Contract, JoinContract: q.JoinContract, Complete: q.Complete, Partial: q.Partial, AsOf: q.AsOf, Newest: q.Newest,
		JoinAsOf: q.JoinAsOf, Epsilon: q.Epsilon, Delta: q.Delta, Fresh: q.Fresh, Verify: q.Verify,
	}
}

// questionOf is the question that is asked so.
func questionOf(text string, o ask.Options) Question {
	return Question{
		SQL: text, Contract: o.Contract, JoinContract: o.JoinContract, Complete: o.Complete, Partial: o.Partial, AsOf: o.AsOf, Newest: o.Newest,
		JoinAsOf: o.JoinAsOf, Epsilon: o.Epsilon, Delta: o.Delta, Fresh: o.Fresh, Verify: o.Verify,
	}
}

// check refuses what no query can be.
func (q Question) check() error {
	switch {
	case q.SQL == "":
		return route.BadField("sql", "there is no query", "write one, or take a sample query of a dataset's listing")
	case len(q.SQL) > wire.MaxSQL:
		return route.BadField("sql", fmt.Sprintf("the query is longer than %d bytes", wire.MaxSQL), "register a private list in place of a long condition")
	case q.Complete && q.Partial:
		return route.BadField("complete", "a query is complete or partial, not both", "take one away")
	case q.Delta != "" && q.Epsilon == "":
		return route.BadField("epsilon", "delta needs an epsilon", "give both, or neither")
	}
	return nil
}

// Change is a question that passes where another was refused.
type Change struct {
	Words    string         `json:"words"` // what is done
	Question Question       `json:"question"`
	Explain  wire.Explained `json:"explain"`
}

// Explained is what a question would release and cost, or why it would be refused.
type Explained struct {
	Explain *wire.Explained `json:"explain,omitempty"`
	Problem *wire.Problem   `json:"problem,omitempty"`
	// Changes are questions that pass, of a refused one, the smallest change first.
	Changes []Change `json:"changes,omitempty"`
}

// asked is a question as the body of a request.
type asked struct{ Body Question }

func (b *Buyer) explain(ctx context.Context, in asked) (Explained, error) {
	if err := in.Body.check(); err != nil {
		return Explained{}, err
	}
	if b.client.Key() == nil {
		return Explained{}, client.ErrNoKey
	}
	x, err := ask.Explain(ctx, b.client, in.Body.SQL, in.Body.options())
	if err == nil {
		return Explained{Explain: &x}, nil
	}
	if ctx.Err() != nil {
		return Explained{}, ctx.Err()
	}
	said := route.Language(ctx)
	out := Explained{Problem: route.In(said, route.ProblemOf(err))}
	changes, failed := ask.Advised(ctx, b.client, in.Body.SQL, in.Body.options(), err)
	if failed != nil {
		return Explained{}, failed
	}
	for _, c := range changes {
		out.Changes = append(out.Changes, Change{Words: said.Reason(c.Fix), Question: questionOf(c.SQL, c.Options), Explain: c.Explain})
	}
	return out, nil
}
