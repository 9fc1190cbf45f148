// Package demo shows Weir's main job on a running cluster: the bureau publishes
// the Hengshui seeds encrypted, a buyer orders, the bureau approves, the buyer
// queries, and every answer is held against the published figure.
//
// It does what the three people would do with the command line, through the same
// client, in the same roles: the buyer never has the readings, the bureau never
// the buyer's key. Public counts come from registries, not from sealed shares,
// and say so.
//
// A run on a cluster that holds the demo's data already asks only. A cluster that
// holds them in another size is left as it is (ErrOtherSize): the figures would
// be held against data that are not there.
package demo

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/seeds"
)

// ErrOtherSize is returned when the cluster holds a registry or dataset of the
// demo with other entities or periods than this run would publish.
var ErrOtherSize = errors.New("the cluster holds the demo's data in another size: name another directory, or the size that is there")

// Cast are the clients of the two principals that take part.
type Cast struct {
	Bureau, Buyer *client.Client
}

// Events is told what happens; any of its functions may be nil.
type Events struct {
	// Step is told what begins.
	Step func(what string)
	// Publishing is told how far the registry or dataset of the last step is.
	Publishing func(p publish.Progress)
	// Answered is told every answer as it is there.
	Answered func(a Answer)
}

// Answer is a question with what came of it.
type Answer struct {
	ID      string     `json:"id"`
	Title   seeds.Text `json:"title"`
	Label   string     `json:"label"`
	Figures []string   `json:"figures,omitempty"`
	SQL     []string   `json:"sql,omitempty"`
	Queries []string   `json:"queries,omitempty"` // their ids
	seeds.Outcome
	Seconds float64 `json:"seconds"`
}

// Report is the whole demo.
type Report struct {
	// Published is what this run published, Earlier the datasets that were there.
	Published []publish.Published `json:"published"`
	Earlier   []string            `json:"earlier,omitempty"`
	Answers   []Answer            `json:"answers"`
	// Receipts counts the queries whose receipt proves, signed by a threshold of the
	// pinned nodes, what was asked, decided and sealed.
	Receipts int `json:"receipts"`
	// Unshown are published figures that no dataset of the demo has.
	Unshown []seeds.Figure `json:"unshown"`
	Agree   bool           `json:"agree"`
	Seconds float64        `json:"seconds"`
}

// Agreeing is how many answers agree.
func (r Report) Agreeing() int {
	n := 0
	for _, a := range r.Answers {
		if a.Agree {
			n++
		}
	}
	return n
}

// Run publishes the demo's registries and datasets, asks its questions and
// compares. It returns an error when something could not be done; that an
// answer disagrees is in the report.
func Run(ctx context.Context, cast Cast, d seeds.Demo, events Events) (Report, error) {
	start := time.Now()
	r := run{cast: cast, events: events.filled(), report: Report{Published: []publish.Published{}}}
	if err := r.publish(ctx, d); err != nil {
		return r.report, err
	}
	if err := r.contract(ctx, d); err != nil {
		return r.report, err
	}
	for _, q := range d.Questions {
		a, err := r.ask(ctx, q)
		if err != nil {
			return r.report, fmt.Errorf("question %s: %w", q.ID, err)
		}
		r.report.Answers = append(r.report.Answers, a)
		r.events.Answered(a)
	}
	if err := r.prove(ctx); err != nil {
		return r.report, err
	}
	r.report.Unshown = slices.DeleteFunc(seeds.Figures(), func(f seeds.Figure) bool { return f.Data != "" })
	// No answer is no agreement.
	r.report.Agree = len(r.report.Answers) > 0 && r.report.Agreeing() == len(r.report.Answers)
	r.report.Seconds = time.Since(start).Seconds()
	return r.report, nil
}

// prove fetches the receipt of every query and verifies it as an auditor would.
func (r *run) prove(ctx context.Context) error {
	r.events.Step("verifying the receipts")
	for _, a := range r.report.Answers {
		for _, id := range a.Queries {
			if _, _, err := audit.QueryReceipt(ctx, r.cast.Buyer, id); err != nil {
				return fmt.Errorf("receipt of question %s: %w", a.ID, err)
			}
			r.report.Receipts++
		}
	}
	return nil
}

func (e Events) filled() Events {
	if e.Step == nil {
		e.Step = func(string) {}
	}
	if e.Publishing == nil {
		e.Publishing = func(publish.Progress) {}
	}
	if e.Answered == nil {
		e.Answered = func(Answer) {}
	}
	return e
}

type run struct {
	cast   Cast
	events Events
	report Report
}

// publish publishes the registries and datasets as the bureau. What is there
// already, of an earlier run or one that was interrupted, is left alone.
func (r *run) publish(ctx context.Context, d seeds.Demo) error {
	live, err := r.there(ctx, d)
	if err != nil {
		return err
	}
	for _, reg := range d.Registries {
		r.events.Step("publishing registry " + reg.ID)
		if err := r.publishRegistry(ctx, reg); err != nil {
			return fmt.Errorf("publish registry %s: %w", reg.ID, err)
		}
	}
	for _, ds := range d.Datasets {
		if live[ds.ID] {
			r.events.Step(ds.ID + " is published already")
			r.report.Earlier = append(r.report.Earlier, ds.ID)
			continue
		}
		r.events.Step("encrypting and publishing " + ds.ID)
		p, err := r.publishDataset(ctx, ds)
		if err != nil {
			return fmt.Errorf("publish dataset %s: %w", ds.ID, err)
		}
		r.report.Published = append(r.report.Published, p)
	}
	return nil
}

// there returns which datasets are live, or ErrOtherSize before anything is
// published.
func (r *run) there(ctx context.Context, d seeds.Demo) (map[string]bool, error) {
	registries, err := client.Registries.All(ctx, r.cast.Bureau)
	if err != nil {
		return nil, err
	}
	rows := map[string]int{}
	for _, have := range registries {
		rows[have.ID] = have.Rows
	}
	for _, reg := range d.Registries {
		if n := rows[reg.ID]; n > 0 && n != reg.Entities {
			return nil, fmt.Errorf("registry %s has %d entities, not %d: %w", reg.ID, n, reg.Entities, ErrOtherSize)
		}
	}
	datasets, err := client.Datasets.All(ctx, r.cast.Bureau)
	if err != nil {
		return nil, err
	}
	versions := map[string]int{}
	for _, have := range datasets {
		versions[have.ID] = have.Live
	}
	live := map[string]bool{}
	for _, ds := range d.Datasets {
		n := versions[ds.ID]
		if n == 0 {
			continue
		}
		v, err := r.cast.Bureau.Version(ctx, ds.ID, n)
		if err != nil {
			return nil, err
		}
		if v.Entities != ds.Entities || v.Periods != ds.Periods {
			return nil, fmt.Errorf("dataset %s has %d entities and %d periods, not %d and %d: %w",
				ds.ID, v.Entities, v.Periods, ds.Entities, ds.Periods, ErrOtherSize)
		}
		live[ds.ID] = true
	}
	return live, nil
}

func (r *run) publishRegistry(ctx context.Context, reg seeds.Registry) error {
	var text bytes.Buffer
	if err := reg.Write(&text); err != nil {
		return err
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		return err
	}
	t := publish.RegistryTable{ID: reg.ID, IDColumn: rows[0][0], Columns: rows[0][1:], Rows: rows[1:]}
	_, err = publish.Registry(ctx, r.cast.Bureau, t, func(done, total int) {
		r.events.Publishing(publish.Progress{Stage: publish.StageRegistry, Rows: done, RowsTotal: total})
	})
	return err
}

func (r *run) publishDataset(ctx context.Context, ds seeds.Dataset) (publish.Published, error) {
	src, err := panel.ReadDescriptor(ds.ID+".yaml", bytes.NewReader(ds.Descriptor))
	if err != nil {
		return publish.Published{}, err
	}
	p, err := publish.Prepare(ctx, src, []panel.File{{Name: ds.File(), Open: written(ds)}}, r.cast.Bureau, r.events.Publishing)
	if err != nil {
		return publish.Published{}, err
	}
	defer p.Close() //nolint:errcheck // the system removes the file with the process
	return publish.Publish(ctx, r.cast.Bureau, p, r.events.Publishing)
}

// written opens a dataset's CSV, written as it is read.
func written(ds seeds.Dataset) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		pr, pw := io.Pipe()
		go func() { pw.CloseWithError(ds.Write(pw)) }()
		return pr, nil
	}
}

// contract has the buyer order what it has no contract for, with an exact portfolio
// where a question has a private list, and the bureau approve.
func (r *run) contract(ctx context.Context, d seeds.Demo) error {
	r.events.Step("ordering and approving")
	have, err := client.Contracts.All(ctx, r.cast.Buyer)
	if err != nil {
		return err
	}
	for _, ds := range d.Datasets {
		if slices.ContainsFunc(have, func(c catalog.Contract) bool { return c.Dataset == ds.ID }) {
			continue
		}
		wanted := catalog.OrderCreate{Dataset: ds.ID, Purpose: "comparison with the published figures", Portfolio: d.Lists(ds.ID)}
		order, err := exchange.CreateOrder(ctx, r.cast.Buyer, wanted)
		if err != nil {
			return fmt.Errorf("order %s: %w", ds.ID, err)
		}
		if _, err := exchange.ApproveOrder(ctx, r.cast.Bureau, catalog.OrderApprove{Order: order}); err != nil {
			return fmt.Errorf("approve the order of %s: %w", ds.ID, err)
		}
	}
	return nil
}

// ask asks one question as the buyer and holds the answer against what was
// published.
func (r *run) ask(ctx context.Context, q seeds.Question) (Answer, error) {
	start := time.Now()
	a := Answer{ID: q.ID, Title: q.Title, Label: string(q.Label), Figures: q.Figures}
	var answers []seeds.Result
	rule := ""
	for _, ask := range q.Asks {
		if ask.SQL != "" {
			a.SQL = append(a.SQL, ask.SQL)
		}
		result, id, err := r.fetch(ctx, ask)
		if refusal, ok := client.IsRefused(err); ok && q.Refused != nil {
			rule = refusal.Rule
			continue
		}
		if err != nil {
			return a, err
		}
		if id != "" {
			a.Queries = append(a.Queries, id)
		}
		answers = append(answers, result)
	}
	var err error
	if q.Refused != nil {
		a.Outcome = q.Refused.Judge(rule)
	} else if a.Outcome, err = q.Check(answers); err != nil {
		return a, err
	}
	a.Seconds = time.Since(start).Seconds()
	return a, nil
}

// fetch gets one answer: of a query, decrypted here from sealed shares, or a
// public registry.
func (r *run) fetch(ctx context.Context, wanted seeds.Ask) (seeds.Result, string, error) {
	if wanted.Registry != "" {
		reg, err := r.cast.Buyer.Registry(ctx, wanted.Registry)
		if err != nil {
			return seeds.Result{}, "", err
		}
		rows, err := r.cast.Buyer.RegistryRows(ctx, wanted.Registry, reg.Rows)
		return seeds.Result{Columns: append([]string{reg.IDColumn}, reg.Columns...), Rows: rows}, "", err
	}
	if err := r.register(ctx, wanted); err != nil {
		return seeds.Result{}, "", err
	}
	res, err := ask.Query(ctx, r.cast.Buyer, wanted.SQL, ask.Options{})
	if err != nil {
		return seeds.Result{}, "", err
	}
	var text bytes.Buffer
	if err := res.Table.WriteCSV(&text); err != nil {
		return seeds.Result{}, "", err
	}
	result, err := seeds.ReadResult(&text)
	return result, res.Query.ID, err
}

// register registers the private selection of a query, unless an earlier run did.
func (r *run) register(ctx context.Context, ask seeds.Ask) error {
	s := ask.Private
	if s == nil {
		return nil
	}
	have, err := vector.All(ctx, r.cast.Buyer)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(have, func(v catalog.Vector) bool { return v.Name == s.Name && v.State == catalog.VectorReady }) {
		return nil
	}
	r.events.Step(fmt.Sprintf("registering the private portfolio %s of %d entities", s.Name, len(s.Entities)))
	text := s.IDColumn + "\n" + strings.Join(s.Entities, "\n") + "\n"
	file := panel.File{Name: s.Name + ".csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
	_, err = portfolio.Register(ctx, r.cast.Buyer, portfolio.Options{
		Name: s.Name, Registry: s.Registry, For: ask.SQL, File: portfolio.File{Data: file},
	})
	return err
}
