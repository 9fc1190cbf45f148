// Package demo shows Weir's main job on a running cluster: the bureau publishes
// the Hengshui seeds encrypted, a buyer orders, the bureau approves, the buyer
// queries, and every answer is held against the published figure.
//
// It does what the three people would do with the command line, through the same
// client, in the same roles: the buyer never has the readings, the bureau never
// the buyer's key. Public counts come from registries, not from sealed shares,
// and say so.
package demo

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/seeds"
)

// Cast are the clients of the two principals that take part.
type Cast struct {
	Bureau, Buyer *client.Client
}

// Events is told what happens; any of its functions may be nil.
type Events struct {
	// Step is told what begins.
	Step func(what string)
	// Publishing is told how far a dataset is.
	Publishing func(dataset string, p client.Progress)
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
	Published []client.Published `json:"published"`
	Answers   []Answer           `json:"answers"`
	Agree     bool               `json:"agree"`
	Seconds   float64            `json:"seconds"`
}

// Run publishes what the generator writes, asks the demo's questions and
// compares. It returns an error when something could not be done; that an
// answer disagrees is in the report.
func Run(ctx context.Context, cast Cast, g *seeds.Generator, events Events) (Report, error) {
	start := time.Now()
	d, err := g.Demo()
	if err != nil {
		return Report{}, err
	}
	r := run{cast: cast, events: events.filled()}
	if err := r.publish(ctx, d); err != nil {
		return r.report, err
	}
	if err := r.contract(ctx, d.Datasets); err != nil {
		return r.report, err
	}
	r.report.Agree = true
	for _, q := range d.Questions {
		a, err := r.ask(ctx, q)
		if err != nil {
			return r.report, fmt.Errorf("question %s: %w", q.ID, err)
		}
		r.report.Answers = append(r.report.Answers, a)
		r.report.Agree = r.report.Agree && a.Agree
		r.events.Answered(a)
	}
	r.report.Seconds = time.Since(start).Seconds()
	return r.report, nil
}

func (e Events) filled() Events {
	if e.Step == nil {
		e.Step = func(string) {}
	}
	if e.Publishing == nil {
		e.Publishing = func(string, client.Progress) {}
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
// already, of a demo that was interrupted, is left alone.
func (r *run) publish(ctx context.Context, d seeds.Demo) error {
	for _, reg := range d.Registries {
		r.events.Step("publishing registry " + reg.ID)
		if err := r.publishRegistry(ctx, reg); err != nil {
			return fmt.Errorf("publish registry %s: %w", reg.ID, err)
		}
	}
	for _, ds := range d.Datasets {
		if have, err := r.cast.Bureau.Dataset(ctx, ds.ID); err == nil && have.Live > 0 {
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

func (r *run) publishRegistry(ctx context.Context, reg seeds.Registry) error {
	var text bytes.Buffer
	if err := reg.Write(&text); err != nil {
		return err
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		return err
	}
	t := client.RegistryTable{ID: reg.ID, IDColumn: rows[0][0], Columns: rows[0][1:], Rows: rows[1:]}
	_, err = r.cast.Bureau.PublishRegistry(ctx, t, nil)
	return err
}

func (r *run) publishDataset(ctx context.Context, ds seeds.Dataset) (client.Published, error) {
	src, err := panel.ReadDescriptor(ds.ID+".yaml", bytes.NewReader(ds.Descriptor))
	if err != nil {
		return client.Published{}, err
	}
	progress := func(p client.Progress) { r.events.Publishing(ds.ID, p) }
	p, err := client.Prepare(ctx, src, []panel.File{{Name: ds.File(), Open: written(ds)}}, r.cast.Bureau.RegistryIDs, progress)
	if err != nil {
		return client.Published{}, err
	}
	return r.cast.Bureau.PublishDataset(ctx, p, progress)
}

// written opens a dataset's CSV, written as it is read.
func written(ds seeds.Dataset) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		pr, pw := io.Pipe()
		go func() { pw.CloseWithError(ds.Write(pw)) }()
		return pr, nil
	}
}

// contract has the buyer order what it has no contract for, and the bureau
// approve.
func (r *run) contract(ctx context.Context, datasets []seeds.Dataset) error {
	r.events.Step("ordering and approving")
	have, err := r.cast.Buyer.Contracts(ctx)
	if err != nil {
		return err
	}
	granted := map[string]bool{}
	for _, c := range have {
		granted[c.Dataset] = true
	}
	for _, ds := range datasets {
		if granted[ds.ID] {
			continue
		}
		order, err := r.cast.Buyer.CreateOrder(ctx, catalog.OrderCreate{Dataset: ds.ID, Purpose: "comparison with the published figures"})
		if err != nil {
			return fmt.Errorf("order %s: %w", ds.ID, err)
		}
		if _, err := r.cast.Bureau.ApproveOrder(ctx, catalog.OrderApprove{Order: order}); err != nil {
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
func (r *run) fetch(ctx context.Context, ask seeds.Ask) (seeds.Result, string, error) {
	if ask.Registry != "" {
		reg, err := r.cast.Buyer.Registry(ctx, ask.Registry)
		if err != nil {
			return seeds.Result{}, "", err
		}
		rows, err := r.cast.Buyer.RegistryRows(ctx, ask.Registry, reg.Rows)
		return seeds.Result{Columns: append([]string{reg.IDColumn}, reg.Columns...), Rows: rows}, "", err
	}
	res, err := r.cast.Buyer.Query(ctx, ask.SQL, client.QueryOptions{})
	if err != nil {
		return seeds.Result{}, "", err
	}
	var text bytes.Buffer
	if err := res.Table.WriteCSV(&text); err != nil {
		return seeds.Result{}, "", err
	}
	result, err := seeds.ReadResult(&text)
	return result, res.Query.ID, errors.Join(err)
}
