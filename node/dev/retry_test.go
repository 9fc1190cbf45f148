package dev

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/peer"
)

const budgetDescriptor = `dataset: wells
title: {en: Wells}
license: internal
entity: {column: well, attributes: []}
period: {column: day, grain: day}
utc_offset: "+08:00"
measures:
  - {name: level, column: LEVEL, unit: m, range: [0, 100], decimals: 1}
policy: {aggregates: [count, sum], public: true}
price: {per_query: "0.10", currency: CNY}
`

// fetchJSON asks one node, over TLS that pins the cluster's keys.
func fetchJSON(ctx context.Context, c *Cluster, method, address, bearer string, body []byte, out any) error {
	var keys []ed25519.PublicKey
	for _, n := range c.Profile().Nodes {
		keys = append(keys, n.Key)
	}
	transport := &http.Transport{TLSClientConfig: peer.PinnedClientTLS(keys), DisableKeepAlives: true, ForceAttemptHTTP2: true}
	ctx, cancel := context.WithTimeout(ctx, forBusyMachines)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var p wire.Problem
		if err := json.Unmarshal(b, &p); err != nil {
			return fmt.Errorf("%s: %s", resp.Status, b)
		}
		return &p
	}
	return json.Unmarshal(b, out)
}

// A submission that is sent again, to any node and at once, is charged once.
func TestRetriedSubmissionIsChargedOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	bureau, buyer := connect(t, c, Bureau), connect(t, c, Buyer)
	publishFiles(ctx, t, bureau, []byte(budgetDescriptor), []panel.File{{Name: "wells.csv", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(wellsCSV())), nil
	}}})
	grant(ctx, t, buyer, bureau, "wells")
	contracts, err := client.Contracts.All(ctx, buyer)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := ask.Compile(ctx, buyer, "SELECT SUM(level) FROM wells")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	envelope, err := catalog.Sign(buyer.Key().Signing(), buyer.Key().ID(), catalog.Payload{
		Cluster: c.Profile().Cluster.String(), Kind: catalog.KindQuerySubmit, Nonce: strings.Repeat("5a", 16), Issued: now, Expires: now + catalog.MaxEnvelopeAge,
		Body: catalog.Encode(catalog.QuerySubmit{Contract: contracts[0].ID, Receiving: buyer.Key().Public().Receiving, Request: compiled.Request}),
	})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ids := make([]string, 9)
	for i := range ids {
		wg.Go(func() {
			var done wire.Submitted
			node := c.Profile().Nodes[i%3]
			await(ctx, t, "an outcome", func() bool {
				err := fetchJSON(ctx, c, http.MethodPost, node.Addr+"/v1/envelopes", "", body, &done)
				var p *wire.Problem
				if errors.As(err, &p) && p.Status >= 500 {
					return false // a node that lost its leader does not know it: it is sent again
				}
				if err != nil {
					t.Error(err)
				}
				return true
			})
			ids[i] = done.Outcome.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != catalog.QueryID(envelope.Digest()) {
			t.Errorf("query %q, want %q", id, catalog.QueryID(envelope.Digest()))
		}
	}
	k, err := exchange.Contract(ctx, buyer, contracts[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if k.Used != 1 || k.Spent != "0.10" {
		t.Errorf("%d queries and %s charged", k.Used, k.Spent)
	}
}

// wellsCSV are the levels of eight wells on 60 days.
func wellsCSV() string {
	var b strings.Builder
	b.WriteString("well,day,LEVEL\n")
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for d := range 60 {
		for w := range 8 {
			fmt.Fprintf(&b, "w%d,%s,%d.%d\n", w, day.AddDate(0, 0, d).Format(time.DateOnly), 10+w, d%10)
		}
	}
	return b.String()
}
