package postgres

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/node/desk/buyer"
	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// memory is a connection whose client has sent all that it sends.
type memory struct {
	io.Reader
	io.Writer
}

func (memory) Close() error                     { return nil }
func (memory) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (memory) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (memory) SetDeadline(time.Time) error      { return nil }
func (memory) SetReadDeadline(time.Time) error  { return nil }
func (memory) SetWriteDeadline(time.Time) error { return nil }

// Whatever a client sends after its login, the session ends without a panic.
func FuzzSession(f *testing.F) {
	encode := func(list ...pgproto3.FrontendMessage) (b []byte) {
		for _, m := range list {
			var err error
			if b, err = m.Encode(b); err != nil {
				f.Fatal(err)
			}
		}
		return b
	}
	f.Add(encode(&pgproto3.Query{String: "SELECT county, SUM(nox) FROM works GROUP BY county; SELECT 1"}))
	f.Add(encode(&pgproto3.Parse{Query: "SELECT firm FROM works WHERE period = $1 LIMIT $2"}, &pgproto3.Describe{ObjectType: 'S'},
		&pgproto3.Bind{ParameterFormatCodes: []int16{1, 1}, Parameters: [][]byte{{0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 2}}, ResultFormatCodes: []int16{1}}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{MaxRows: 1}, &pgproto3.Sync{}))
	f.Add(encode(&pgproto3.Query{String: "BEGIN; DECLARE a CURSOR FOR SELECT 1; FETCH ABSOLUTE 2 a; MOVE ALL IN a; CLOSE a; COPY (VALUES (1)) TO STDOUT BINARY"}))
	f.Add(encode(&pgproto3.Query{String: "SELECT (((SELECT ARRAY[1][1]::int[]) END)) UNION SELECT * FROM (works"}))
	f.Add(encode(&pgproto3.Parse{Query: "SELECT county, SUM(nox), ARRAY[1,NULL] FROM works WHERE county = ANY ($1) GROUP BY county", ParameterOIDs: []uint32{1009}},
		&pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{[]byte("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x19\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x05north")}, ResultFormatCodes: []int16{1}},
		&pgproto3.Execute{}, &pgproto3.Sync{}))
	f.Add(encode(&pgproto3.Query{String: "SELECT trim(both '\"' from 'x'), substring('a' from 0 for 6), '{1}'::int[] FROM ((select 1 as b) q join works w on b = (1))"}))
	f.Add([]byte("Q\x7f\xff\xff\xff"))
	db, err := pgcatalog.Open(1, time.Now) // once: making it takes most of the time
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := db.Close(); err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, sent []byte) {
		s := &Server{
			options: Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler)}, asker: &fake{kept: map[string]*buyer.Answer{}}, sessions: map[uint32]*session{},
			turns: make(chan struct{}, 1), probes: newProbes("", time.Now),
		}
		conn := memory{bytes.NewReader(sent), io.Discard}
		n := sessionOn(s, conn, pgproto3.NewBackend(conn, conn), newSettings(false))
		n.catalogue.db = db
		n.settings.values["weir.spend"] = "on"
		n.backend.SetMaxBodyLen(maxMessage)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		n.run(ctx)
	})
}

// Whatever query is planned, planning ends.
func FuzzPlan(f *testing.F) {
	for _, sql := range []string{
		"SELECT floor(extract(epoch from period)/86400)*86400 AS \"time\", SUM(nox) FROM works GROUP BY 1 ORDER BY time_bucket('3600.000s',period) DESC",
		"SELECT a.county, SUM(a.nox) FROM (SELECT * FROM works WHERE firm = 'x') a WHERE 1=1 AND (a.nox IS NOT NULL) GROUP BY 1 ORDER BY 2 NULLS LAST LIMIT 5 OFFSET 2",
		"SELECT CAST(SUM(nox) AS numeric(10,2)), EXTRACT(YEAR FROM period) FROM works WHERE period BETWEEN '2024-01-01T00:00:00Z' AND '2024-02-01' UNION ALL SELECT 1, 2",
		"WITH q AS (SELECT COUNT(*) FROM public.works JOIN works USING (entity, period)) SELECT * FROM q, works, (SELECT DISTINCT county FROM works)",
	} {
		f.Add(sql)
	}
	all, err := (&fake{}).Datasets(context.Background())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, sql string) {
		list, err := token.Scan(sql)
		if err != nil {
			return
		}
		if _, err := planOf(list, func(id string) *Dataset {
			if id == "works" {
				return &all[0]
			}
			return nil
		}); err == nil {
			token.Join(list)
		}
		for _, g := range calendar.Grains {
			periodLiteral(sql, "<", g, 8*time.Hour)
		}
	})
}
