package buyer

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/exchange"
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
	Fresh        bool   `json:"fresh,omitempty"` // ask the nodes even if this machine has the answer
}

// options are how the question is asked.
func (q Question) options() ask.Options {
	return ask.Options{
		Contract: q.Contract, JoinContract: q.JoinContract, Complete: q.Complete, Partial: q.Partial, AsOf: q.AsOf, Newest: q.Newest,
		JoinAsOf: q.JoinAsOf, Epsilon: q.Epsilon, Delta: q.Delta, Fresh: q.Fresh,
	}
}

// questionOf is the question that is asked so.
func questionOf(text string, o ask.Options) Question {
	return Question{
		SQL: text, Contract: o.Contract, JoinContract: o.JoinContract, Complete: o.Complete, Partial: o.Partial, AsOf: o.AsOf, Newest: o.Newest,
		JoinAsOf: o.JoinAsOf, Epsilon: o.Epsilon, Delta: o.Delta, Fresh: o.Fresh,
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

// Answer is an answer of the own store.
type Answer struct {
	Query    string        `json:"query"` // its id
	Question Question      `json:"question"`
	Dataset  string        `json:"dataset"`
	Version  int           `json:"version"`
	Table    *result.Table `json:"table"`
	Whole    bool          `json:"whole"`
	// Shortfall says in sentences what it lacks of what was asked.
	Shortfall []string `json:"shortfall"`
	Answered  int64    `json:"answered"` // Unix milliseconds
	Entry     uint64   `json:"entry"`    // of the evidence log
	Price     string   `json:"price,omitempty"`
	Currency  string   `json:"currency,omitempty"`
	Repeats   string   `json:"repeats,omitempty"`
}

// answerOf is a result as the page shows it.
func answerOf(r *ask.Result) Answer {
	q := r.Query
	request := q.Submit.Request
	out := Answer{
		Query: q.ID, Dataset: q.Dataset, Version: q.Version, Table: r.Table, Whole: r.Table.Whole(), Shortfall: append([]string{}, r.Table.Shortfall()...),
		Answered: r.Stored.UnixMilli(), Entry: r.Receipt.Seq, Price: q.Price, Repeats: q.Repeats,
		Question: Question{SQL: request.SQL, Contract: q.Submit.Contract, Complete: request.Complete, Partial: request.Partial, AsOf: request.AsOf},
	}
	if r.Stored.IsZero() {
		out.Answered = q.Done
	}
	if n := request.Noise; n != nil {
		out.Question.Epsilon, out.Question.Delta = n.Epsilon, n.Delta
	}
	if j := request.Join; j != nil {
		out.Question.JoinContract, out.Question.JoinAsOf = j.Contract, j.AsOf
	}
	return out
}

// stored is a query's answer in the own store.
type stored struct {
	Query string `path:"query"`
}

// kept reads an answer of the own store.
func (b *Buyer) kept(id string) (*ask.Result, error) {
	all, err := ask.Answers(b.client, b.dir)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.Query.ID == id {
			return r, nil
		}
	}
	return nil, route.NotFound("this machine has no answer of query "+shortened(id), "ask the query again; a repeat within 24 hours is not charged")
}

// shortened cuts what may be no id.
func shortened(id string) string { return fmt.Sprintf("%.20s", id) }

func (b *Buyer) answer(ctx context.Context, in stored) (Answer, error) {
	r, err := b.kept(in.Query)
	if err != nil {
		return Answer{}, err
	}
	return b.shown(ctx, r), nil
}

// shown is a result as the page shows it, with the currency of its price.
func (b *Buyer) shown(ctx context.Context, r *ask.Result) Answer {
	out := answerOf(r)
	if out.Price != "" {
		out.Currency = b.currency(ctx, r.Query)
	}
	return out
}

// currency is that of a query's price; empty where no node tells it now.
func (b *Buyer) currency(ctx context.Context, q catalog.Query) string {
	k, err := client.Cached(ctx, b.client, q.Submit.Contract, func(ctx context.Context) (string, error) {
		k, err := exchange.Contract(ctx, b.client, q.Submit.Contract)
		return k.Currency(), err
	})
	if err != nil {
		return ""
	}
	return k
}
