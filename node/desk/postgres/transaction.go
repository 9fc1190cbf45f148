package postgres

import (
	"maps"
	"slices"
	"strings"

	"github.com/weirdata/weir/node/desk/postgres/token"
)

// States of a transaction, as the protocol has them.
const (
	idle     = 'I'
	within   = 'T'
	failedTx = 'E'
)

// transaction is that of a session: there is nothing to roll back but settings; clients want to be told.
type transaction struct {
	settings *settings
	client   *writer

	status byte
	before map[string]string // the settings as the transaction found them
	local  map[string]bool   // settings that hold until its end
}

func newTransaction(s *settings, client *writer) *transaction {
	return &transaction{settings: s, client: client, status: idle}
}

// begin begins it, where there is none.
func (t *transaction) begin() {
	if t.status != idle {
		t.client.notice("25001", "there is a transaction already")
	} else {
		t.before, t.local = maps.Clone(t.settings.values), map[string]bool{}
	}
	t.status = within
}

// end ends it, and reports whether it is rolled back.
func (t *transaction) end(rollback bool) (back bool) {
	back = rollback || t.status == failedTx
	if t.status == idle {
		t.client.notice("25P01", "there is no transaction")
	}
	t.restore(back)
	t.status = idle
	return back
}

// fail makes it one of no more use.
func (t *transaction) fail() {
	if t.status == within {
		t.status = failedTx
	}
}

// mend makes one that has failed of use again: clients go back to a savepoint.
func (t *transaction) mend() {
	if t.status == failedTx {
		t.status = within
	}
}

// set runs SET and RESET. As in Postgres, what is SET LOCAL holds until the transaction ends, and what a transaction has set
// is as before when it is rolled back: pools hand a connection on that way, and nobody spends who did not say so.
func (t *transaction) set(word string, list []token.Token) (*outcome, error) {
	changed, err := t.changed(len(list) > 1 && list[1].Is("LOCAL"), func() (string, error) { return t.settings.setStatement(list) })
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(reported, func(name string) bool { return strings.EqualFold(name, changed) }); i >= 0 {
		t.client.report(reported[i])
	}
	return done(word)
}

// change sets one setting.
func (t *transaction) change(name, value string, local bool) error {
	_, err := t.changed(local, func() (string, error) { return name, t.settings.set(name, value) })
	return err
}

// changed runs do, which changes a setting and returns its name: for good, or locally until the transaction ends.
func (t *transaction) changed(local bool, do func() (string, error)) (string, error) {
	before := maps.Clone(t.settings.values)
	name, err := do()
	switch {
	case err != nil:
		return "", err
	case local && t.status == idle:
		t.settings.values = before
		t.client.notice("25P01", "a local setting holds within a transaction, and there is none")
	case local:
		t.local[strings.ToLower(name)] = true
	default:
		delete(t.local, strings.ToLower(name))
	}
	return name, nil
}

// restore brings settings back at the end of a transaction: all where it is rolled back, else those that were local.
func (t *transaction) restore(all bool) {
	if t.status == idle {
		return
	}
	after := t.settings.values
	if all {
		t.settings.values = t.before
	} else {
		for name := range t.local {
			if value, was := t.before[name]; was {
				t.settings.values[name] = value
			} else {
				delete(t.settings.values, name)
			}
		}
	}
	for _, name := range reported {
		if key := strings.ToLower(name); all && after[key] != t.before[key] || t.local[key] {
			t.client.report(name)
		}
	}
	t.before, t.local = nil, nil
}
