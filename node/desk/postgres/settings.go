package postgres

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/weirdata/weir/compute/suggest"
	"github.com/weirdata/weir/node/desk/buyer"
	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// settings are those of a session.
type settings struct {
	values   map[string]string
	readOnly bool // the desk is
}

// ours are the settings that a session has for Weir, and what they are at first.
var ours = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"weir.spend": "off", "weir.fresh": "off", "weir.coverage": "off", "weir.contract": "", "weir.epsilon": "", "weir.delta": "", "weir.partial": "off", "weir.complete": "off", "weir.verify": "off", "weir.as_of": "0",
	}
})

// first are the settings of Postgres that clients ask for.
var first = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"server_version": pgcatalog.ServerVersion, "server_version_num": "150018", "server_encoding": "UTF8", "client_encoding": "UTF8", "datestyle": "ISO, MDY",
		"intervalstyle": "postgres", "timezone": "UTC", "integer_datetimes": "on", "standard_conforming_strings": "on", "search_path": `"$user", public`,
		"transaction_isolation": "read committed", "default_transaction_isolation": "read committed", "transaction_read_only": "on", "default_transaction_read_only": "off",
		"in_hot_standby": "off", "is_superuser": "off", "session_authorization": pgcatalog.User, "max_identifier_length": "63", "extra_float_digits": "1", "application_name": "",
		"statement_timeout": "0", "lock_timeout": "0", "max_index_keys": "32", "bytea_output": "hex", "lc_collate": "C.UTF-8", "lc_ctype": "C.UTF-8", "client_min_messages": "notice",
		"escape_string_warning": "on", "role": "none", "idle_in_transaction_session_timeout": "0", "max_connections": "32",
	}
})

// reported are told to the client at the beginning and when they change, by the names that Postgres has.
var reported = []string{"server_version", "server_encoding", "client_encoding", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes", "standard_conforming_strings",
	"application_name", "is_superuser", "session_authorization", "default_transaction_read_only", "in_hot_standby"}

func newSettings(readOnly bool) *settings {
	s := &settings{values: map[string]string{}, readOnly: readOnly}
	s.reset()
	return s
}

func (s *settings) reset() {
	clear(s.values)
	maps.Copy(s.values, first())
	maps.Copy(s.values, ours())
}

func (s *settings) get(name string) (string, bool) {
	v, ok := s.values[strings.ToLower(name)]
	return v, ok
}

func (s *settings) on(name string) bool { return s.values[name] == "on" }

// set changes a setting. Postgres' own are taken as they are, as nothing depends on them but the encoding.
func (s *settings) set(name, value string) error {
	name = strings.ToLower(name)
	switch {
	case strings.HasPrefix(name, "weir."):
		return s.setOurs(name, value)
	case name == "client_encoding" || name == "names":
		if plain := strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(value)); plain != "UTF8" && plain != "UNICODE" && plain != "DEFAULT" {
			return fail(stateParameter, "SET client_encoding = 'UTF8'", "the desk speaks UTF-8 alone, not %.40q", value)
		}
		return nil
	case name == "server_version" || name == "server_version_num" || name == "server_encoding" || name == "is_superuser" || name == "integer_datetimes":
		return fail(stateParameter, "", "%s cannot be changed", name)
	case len(s.values) > 200 || len(value) > 4096 || len(name) > 100:
		return fail(stateTooLarge, "", "there are too many settings, or one is too long")
	}
	if value == "default" || value == "DEFAULT" {
		value = first()[name]
	}
	s.values[name] = value
	return nil
}

func (s *settings) setOurs(name, value string) error {
	was, known := ours()[name]
	if !known {
		names := slices.Sorted(maps.Keys(ours()))
		hint := "there are " + strings.Join(names, ", ")
		if near := suggest.Nearest(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return fail(stateNoSetting, hint, "there is no setting %.80s", name)
	}
	if strings.EqualFold(value, "default") {
		value = was
	}
	if was == "on" || was == "off" {
		switch strings.ToLower(value) {
		case "on", "true", "yes", "1", "t":
			value = "on"
		case "off", "false", "no", "0", "f":
			value = "off"
		default:
			return fail(stateParameter, "", "%s is on or off, not %.40q", name, value)
		}
	}
	if name == "weir.spend" && value == "on" && s.readOnly {
		return fail(stateReadOnly, "start `weir desk` without --read-only", "this desk is read-only: it spends nothing")
	}
	if name == "weir.as_of" {
		if n, err := strconv.Atoi(value); err != nil || n < 0 {
			return fail(stateParameter, "", "weir.as_of is a version of a dataset, or 0 for the newest, not %.40q", value)
		}
	}
	if len(value) > 200 {
		return fail(stateTooLarge, "", "the value of %s is too long", name)
	}
	s.values[name] = value
	return nil
}

// question is SQL asked by the settings.
func (s *settings) question(sql string) buyer.Question {
	asOf, _ := strconv.Atoi(s.values["weir.as_of"]) //nolint:errcheck // setOurs looked
	return buyer.Question{
		SQL: sql, Contract: s.values["weir.contract"], Epsilon: s.values["weir.epsilon"], Delta: s.values["weir.delta"],
		Partial: s.on("weir.partial"), Complete: s.on("weir.complete"), AsOf: asOf, Fresh: s.on("weir.fresh"), Verify: s.on("weir.verify"),
	}
}

// setStatement runs SET and RESET.
func (s *settings) setStatement(list []token.Token) (changed string, err error) {
	reset := list[0].Is("RESET")
	list = list[1:]
	if len(list) > 0 && list[0].Is("SESSION", "LOCAL") && (len(list) < 2 || !list[1].Is("CHARACTERISTICS", "AUTHORIZATION")) {
		list = list[1:]
	}
	switch {
	case len(list) == 0:
		return "", fail(stateSyntax, "SET weir.spend = on", "SET needs a name and a value")
	case reset && list[0].Is("ALL"):
		s.reset()
		return "", nil
	case list[0].Is("TRANSACTION", "SESSION", "CONSTRAINTS", "ROLE"):
		return "", nil // nothing depends on it
	case list[0].Is("TIME") && len(list) > 2 && list[1].Is("ZONE"):
		return "TimeZone", s.set("timezone", list[2].Text)
	case list[0].Is("NAMES") && len(list) > 1:
		return "", s.set("names", list[1].Text)
	}
	name := list[0].Lower()
	list = list[1:]
	for len(list) > 1 && list[0].Is(".") {
		name += "." + list[1].Lower()
		list = list[2:]
	}
	if reset {
		return name, s.set(name, "default")
	}
	if len(list) < 2 || !list[0].Is("=", "TO") {
		return "", fail(stateSyntax, "SET "+name+" = value", "SET needs a name and a value")
	}
	var parts []string
	sign := ""
	for _, t := range list[1:] {
		switch {
		case t.Is("-", "+"):
			sign = t.Text
		case !t.Is(","):
			parts = append(parts, sign+t.Text)
			sign = ""
		}
	}
	return name, s.set(name, strings.Join(parts, ", "))
}

// discard runs DISCARD: pools forget all with it, and some of them everything but prepared statements, part by part.
func (n *session) discard(list []token.Token) (*outcome, error) {
	switch {
	case len(list) == 1 && list[0].Is("ALL"):
		n.settings.reset()
		clear(n.statements)
		clear(n.portals)
	case len(list) == 1 && list[0].Is("PLANS", "SEQUENCES", "TEMP", "TEMPORARY"):
	default:
		return nil, fail(stateSyntax, "DISCARD ALL", "DISCARD is of ALL, PLANS, SEQUENCES or TEMP")
	}
	return done("DISCARD " + strings.ToUpper(list[0].Text))
}

// options are settings that stand in the connection: -c name=value.
func (s *settings) options(text string) error {
	words := strings.Fields(text)
	for i := 0; i < len(words); i++ {
		setting, ok := strings.CutPrefix(words[i], "--")
		if words[i] == "-c" && i+1 < len(words) {
			i++
			setting, ok = words[i], true
		}
		name, value, cut := strings.Cut(setting, "=")
		if !ok || !cut {
			return fail(stateParameter, "options are of the form -c name=value", "%.60q is no option", words[i])
		}
		if err := s.set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func showName(list []token.Token) string {
	switch {
	case len(list) == 0:
		return ""
	case list[0].Is("TRANSACTION"):
		return "transaction_isolation"
	case list[0].Is("TIME"):
		return "TimeZone"
	}
	name := ""
	for _, t := range list {
		name += t.Text
	}
	return strings.ToLower(name)
}

// show runs SHOW.
func (s *settings) show(list []token.Token) (*outcome, error) {
	name := showName(list)
	if name == "all" {
		r := &pgcatalog.Result{Columns: []pgcatalog.ResultColumn{{Name: "name", Type: pgcatalog.OIDText}, {Name: "setting", Type: pgcatalog.OIDText}}}
		for _, name := range slices.Sorted(maps.Keys(s.values)) {
			r.Rows = append(r.Rows, []any{name, s.values[name]})
		}
		return &outcome{result: r, tag: "SHOW"}, nil
	}
	value, ok := s.get(name)
	if !ok {
		return nil, fail(stateNoSetting, "SHOW ALL", "there is no setting %.80q", name)
	}
	return &outcome{result: &pgcatalog.Result{Columns: []pgcatalog.ResultColumn{{Name: name, Type: pgcatalog.OIDText}}, Rows: [][]any{{value}}}, tag: "SHOW"}, nil
}
