package buyer

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/desk/route"
)

// answers are those of the own store.
type answers struct {
	client *client.Client
	dir    string // of the store
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

// In is the answer with its sentences in a language.
func (a Answer) In(l explain.Language) Answer {
	a.Shortfall = route.ShortfallIn(l, a.Shortfall)
	return a
}

// in is In of an answer that there may be.
func (a *Answer) in(l explain.Language) *Answer {
	if a == nil {
		return nil
	}
	out := a.In(l)
	return &out
}

// answerOf is a result as the page shows it.
func answerOf(r *ask.Result) Answer {
	q := r.Query
	request := q.Submit.Request
	price, repeats := r.Cost()
	out := Answer{
		Query: q.ID, Dataset: q.Dataset, Version: q.Version, Table: r.Table, Whole: r.Table.Whole(), Shortfall: append([]string{}, r.Table.Shortfall()...),
		Answered: r.Stored.UnixMilli(), Entry: r.Receipt.Seq, Price: price, Repeats: repeats,
		Question: Question{SQL: request.SQL, Contract: q.Submit.Contract, Complete: request.Complete, Partial: request.Partial, AsOf: request.AsOf, Verify: request.Verify},
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
func (s *answers) kept(id string) (*ask.Result, error) {
	all, err := ask.Answers(s.client, s.dir)
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

func (s *answers) answer(ctx context.Context, in stored) (Answer, error) {
	r, err := s.kept(in.Query)
	if err != nil {
		return Answer{}, err
	}
	return s.shown(ctx, r), nil
}

// shown is a result as the page shows it, with the currency of its price.
func (s *answers) shown(ctx context.Context, r *ask.Result) Answer {
	out := answerOf(r)
	if out.Price != "" {
		out.Currency = s.currency(ctx, r.Query)
	}
	return out
}

// currency is that of a query's price; empty where no node tells it now.
func (s *answers) currency(ctx context.Context, q catalog.Query) string {
	k, err := client.Cached(ctx, s.client, q.Submit.Contract, func(ctx context.Context) (string, error) {
		k, err := exchange.Contract(ctx, s.client, q.Submit.Contract)
		return k.Currency(), err
	})
	if err != nil {
		return ""
	}
	return k
}
