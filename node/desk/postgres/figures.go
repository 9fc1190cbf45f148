package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/node/desk/buyer"
	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
)

// asking has the nodes answer for a session.
type asking struct {
	server   *Server
	settings *settings
	client   *writer
}

// formOf are the columns of what the nodes answer. Nothing is asked.
func (s *asking) formOf(ctx context.Context, f *figures) (Form, *pgcatalog.Result, error) {
	form, err := s.server.asker.Form(ctx, f.form)
	if err != nil {
		return form, nil, askedAs(err, f.form)
	}
	r := &pgcatalog.Result{}
	for i, c := range form.Columns {
		oid := pgcatalog.OIDText
		switch {
		case slices.Contains(f.years, i):
			oid = pgcatalog.OIDInt4
		case slices.Contains(f.epochs, i) && c.Type == result.TypePeriod:
			oid = pgcatalog.OIDNumeric // as Postgres has it of EXTRACT
		case c.Type == result.TypeInteger:
			oid = pgcatalog.OIDInt8
		case c.Type == result.TypeDecimal:
			oid = pgcatalog.OIDNumeric
		case c.Type == result.TypePeriod:
			oid = PeriodType(form.Grains[i])
		}
		r.Columns = append(r.Columns, pgcatalog.ResultColumn{Name: c.Name, Type: oid})
	}
	return form, r, nil
}

// askedAs adds to an error of SQL the query that it is about, where that is not what was sent.
func askedAs(err error, sql string) error {
	e := problemOf(err)
	if e.State == stateSyntax || e.State == stateColumn || e.State == stateTable {
		own := *e
		own.Detail, own.At = "asked as: "+sql, 0
		return &own
	}
	return err
}

// answer is what the nodes answer, from the own store where it is there. Otherwise it costs, and the session has to say
// that it spends.
func (s *asking) answer(ctx context.Context, f *figures) (*pgcatalog.Result, error) {
	form, out, err := s.formOf(ctx, f)
	if err != nil || f.none {
		return out, err
	}
	q := s.settings.question(f.sql)
	var a *buyer.Answer
	if !q.Fresh {
		if a, err = s.server.asker.Kept(ctx, q); err != nil {
			return nil, askedAs(err, f.sql)
		}
	}
	if a == nil {
		if a, err = s.ask(ctx, q); err != nil {
			return nil, askedAs(err, f.sql)
		}
	} else {
		s.client.debug("answered from the own store, free: query %s of %s", short(a.Query), s.server.at(a.Answered))
	}
	if err := s.fill(out, form, a); err != nil {
		return nil, err
	}
	s.tell(a)
	return out, nil
}

func short(id string) string { return id[:min(len(id), 10)] }

// ask asks the nodes, where the session spends.
func (s *asking) ask(ctx context.Context, q buyer.Question) (*buyer.Answer, error) {
	if !s.settings.on("weir.spend") {
		return nil, s.cost(ctx, q)
	}
	release, err := s.server.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	job, err := s.server.asker.Ask(ctx, q)
	if err != nil {
		return nil, err
	}
	if job.Answer == nil {
		if job.Problem == nil {
			return nil, fail(stateEnding, "start the desk again; the same query takes it up", "the desk ended")
		}
		e := wireProblem(job.Problem)
		if e.State != stateRefused {
			return nil, e
		}
		x, err := s.server.asker.Explain(ctx, q)
		if err != nil || x.Problem == nil {
			return nil, e //nolint:nilerr // the refusal is what is told
		}
		return nil, refused(job.Problem, x.Changes)
	}
	paid := "no price"
	if job.Answer.Price != "" {
		paid = strings.TrimSpace(job.Answer.Price + " " + job.Answer.Currency)
	}
	switch {
	case job.Free:
	case job.Answer.Repeats != "":
		s.client.notice("00000", "the nodes answered as they did before: query %s, of contract %s", short(job.Answer.Query), short(job.Answer.Question.Contract))
	default:
		s.client.notice("00000", "the nodes answered: query %s, %s, of contract %s", short(job.Answer.Query), paid, short(job.Answer.Question.Contract))
	}
	if job.Note != "" {
		s.client.notice("01000", "%s", job.Note)
	}
	return job.Answer, nil
}

// cost is the error of a query that is not in the own store: what it would cost, or why it would be refused.
func (s *asking) cost(ctx context.Context, q buyer.Question) error {
	x, err := s.server.asker.Explain(ctx, q)
	if err != nil {
		return err
	}
	if x.Problem != nil {
		return refused(x.Problem, x.Changes)
	}
	e := x.Explain
	costs := "no money"
	if e.Price != "" {
		costs = strings.TrimSpace(e.Price + " " + e.Currency)
	}
	if e.Repeats != "" {
		costs += ", as it repeats query " + short(e.Repeats)
	}
	if e.Noise != nil {
		costs += ", and epsilon " + q.Epsilon
	}
	var left []string
	if e.QueriesLeft != nil {
		left = append(left, fmt.Sprintf("%d queries", *e.QueriesLeft))
	}
	if e.BudgetLeft != "" {
		left = append(left, strings.TrimSpace(e.BudgetLeft+" "+e.Currency))
	}
	detail := fmt.Sprintf("%d groups would be released, %d withheld.", e.Groups, e.Withheld)
	if len(left) > 0 {
		detail += " The contract would have left " + strings.Join(left, " and ") + "."
	}
	return &Error{
		State: stateSpend, Message: "this query is not in your own store, and this session does not spend; it would cost " + costs,
		Hint: "SET weir.spend = on, or ask it in the desk once; after that it is free until the dataset has a new version", Detail: detail + " Asked as: " + q.SQL,
	}
}

// fill puts the rows of an answer into a result, with the columns of coverage and noise where the session wants them.
func (s *asking) fill(out *pgcatalog.Result, form Form, a *buyer.Answer) error {
	columns, rows := a.Table.Columns, a.Table.Rows
	if s.settings.on("weir.coverage") {
		columns, rows = a.Table.Flat()
	}
	if len(columns) < len(out.Columns) || len(a.Table.Columns) != len(out.Columns) {
		return fail(stateInternal, "", "the answer has %d columns, and %d were asked for", len(a.Table.Columns), len(out.Columns))
	}
	for _, c := range columns[len(out.Columns):] {
		oid := pgcatalog.OIDNumeric
		switch c.Type {
		case result.TypeInteger:
			oid = pgcatalog.OIDInt8
		case result.TypeText:
			oid = pgcatalog.OIDText
		}
		out.Columns = append(out.Columns, pgcatalog.ResultColumn{Name: c.Name, Type: oid})
	}
	for _, row := range rows {
		cells := slices.Clone(row)
		for i := range form.Columns {
			text, ok := cells[i].(string)
			switch {
			case !ok || form.Columns[i].Type != result.TypePeriod:
			case out.Columns[i].Type == pgcatalog.OIDInt4:
				cells[i] = text[:min(4, len(text))]
			default:
				g, n, err := calendar.ParseOf(text, form.Grains[i])
				if err != nil {
					return fmt.Errorf("read a period of the answer: %w", err)
				}
				text = PeriodText(g, n)
				if out.Columns[i].Type == pgcatalog.OIDNumeric {
					at, err := timeOf(text)
					if err != nil {
						return fmt.Errorf("read when a period begins: %w", err)
					}
					text = strconv.FormatInt(at.Unix(), 10) // as EXTRACT has it of a time without a zone
				}
				cells[i] = text
			}
		}
		out.Rows = append(out.Rows, cells)
	}
	return nil
}

// tell says in notices what the rows cannot: what is lacking, and what noise is in them.
func (s *asking) tell(a *buyer.Answer) {
	for _, sentence := range a.Shortfall {
		s.client.notice("01000", "%s", sentence)
	}
	if n := a.Table.Noise; n != nil {
		text := "the figures carry noise: epsilon " + n.Epsilon
		if n.Delta != "" {
			text += ", delta " + n.Delta
		}
		for _, c := range n.Sums {
			text += fmt.Sprintf("; %s ± %s with 95 %%", c.What, c.Interval95)
		}
		s.client.notice("01000", "%s (SET weir.coverage = on has the intervals as columns)", text)
	}
	if c := a.Table.Checked; c != nil {
		s.client.notice("01000", "%s", c.Words())
	}
}
