package client

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"math/bits"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/api/wire"
)

// printSize is the length of a cell's print.
const printSize = 8

// cellPrints are keyed digests of the readings of a version, one a cell, kept in
// the spool. They are how this client knows later which values a new version
// changes. Without them it does not say, and the ledger takes every class that
// the older version covers for changed in a way that must not be shown.
type cellPrints struct {
	entities, periods int
	first             int64
	prints            [][]byte // by measure
}

// printer makes the prints of a measure. They are bound to the key and to where a
// reading stands: equal readings elsewhere have other prints.
type printer struct {
	h     hash.Hash
	label []byte
}

func (c *Client) printer(dataset, measure string) printer {
	return printer{hmac.New(sha256.New, c.key.signing.Seed()), []byte("weir cell 1\n" + dataset + "\n" + measure + "\n")}
}

// print appends the print of a reading v of an entity in a period.
func (p printer) print(to []byte, entity int, period, v int64) []byte {
	var cell [24]byte
	binary.LittleEndian.PutUint64(cell[:], uint64(entity))  //nolint:gosec // an encoding
	binary.LittleEndian.PutUint64(cell[8:], uint64(period)) //nolint:gosec // an encoding
	binary.LittleEndian.PutUint64(cell[16:], uint64(v))     //nolint:gosec // an encoding
	p.h.Reset()
	p.h.Write(p.label)
	p.h.Write(cell[:])
	return append(to, p.h.Sum(nil)[:printSize]...)
}

// printsOf makes the prints of a panel. Cells that old has are taken from there;
// nil: none.
func (c *Client) printsOf(p *panel.Panel, dataset string, old *cellPrints) cellPrints {
	out := cellPrints{entities: len(p.Entities), periods: p.Periods, first: p.First}
	for m, column := range p.Columns {
		values := p.Values(m)
		prints := make([]byte, 0, printSize*len(values))
		maker := c.printer(dataset, column.Measure.Name)
		for i, v := range values {
			entity, period := i%out.entities, p.First+int64(i/out.entities)
			if known := old.at(m, entity, period); known != nil {
				prints = append(prints, known...)
			} else {
				prints = maker.print(prints, entity, period, v)
			}
		}
		out.prints = append(out.prints, prints)
	}
	return out
}

// at is the print of a cell, or nil where the version has none.
func (p *cellPrints) at(measure, entity int, period int64) []byte {
	if p == nil {
		return nil
	}
	i := period - p.first
	if entity >= p.entities || i < 0 || i >= int64(p.periods) {
		return nil
	}
	at := printSize * (int(i)*p.entities + entity)
	return p.prints[measure][at : at+printSize]
}

// printsFile is where the prints of a version are kept; empty without a spool.
func (c *Client) printsFile(dataset string, version int) string {
	if c.opts.Spool == "" {
		return ""
	}
	h := hmac.New(sha256.New, c.key.signing.Seed())
	fmt.Fprintf(h, "weir prints 1\n%s\n%s\n%d\n", c.profile.Cluster, dataset, version) //nolint:errcheck // hash.Hash: Write never returns an error
	return filepath.Join(c.opts.Spool, "cells-"+hex.EncodeToString(h.Sum(nil)[:16]))
}

// keepPrints stores the prints of a version that is live.
func (c *Client) keepPrints(dataset string, version int, p *cellPrints) error {
	name := c.printsFile(dataset, version)
	if name == "" {
		return nil
	}
	if err := os.WriteFile(name, p.encode(), 0o600); err != nil {
		return fmt.Errorf("keep the prints of the readings: %w", err)
	}
	return nil
}

// encode is version, numbers of measures, entities and periods, the first period,
// the prints by measure, period and entity, and the SHA-256 of all that.
func (p *cellPrints) encode() []byte {
	b := []byte{printsVersion}
	for _, n := range []int{len(p.prints), p.entities, p.periods} {
		b = binary.AppendUvarint(b, uint64(n)) //nolint:gosec // positive
	}
	b = binary.AppendVarint(b, p.first)
	b = append(b, slices.Concat(p.prints...)...)
	return append(b, sum(b)...)
}

const printsVersion = 1

// decodePrints reads what encode wrote; false for anything else.
func decodePrints(b []byte) (cellPrints, bool) {
	end := len(b) - sha256.Size
	if end < 1 || b[0] != printsVersion || !bytes.Equal(sum(b[:end]), b[end:]) {
		return cellPrints{}, false
	}
	rest := b[1:end]
	var head [3]int // measures, entities, periods
	size := uint64(printSize)
	for i := range head {
		v, n := binary.Uvarint(rest)
		over, product := bits.Mul64(size, v)
		if n <= 0 || over != 0 || product == 0 || product > uint64(len(b)) {
			return cellPrints{}, false
		}
		head[i], size, rest = int(v), product, rest[n:] //nolint:gosec // no more than bytes
	}
	first, n := binary.Varint(rest)
	if n <= 0 || uint64(len(rest)-n) != size {
		return cellPrints{}, false
	}
	p := cellPrints{entities: head[1], periods: head[2], first: first}
	for part := range slices.Chunk(rest[n:], printSize*p.entities*p.periods) {
		p.prints = append(p.prints, part)
	}
	return p, true
}

func sum(b []byte) []byte {
	d := sha256.Sum256(b)
	return d[:]
}

// loadPrints returns the prints of an earlier version; false when they are not
// here, or damaged.
func (c *Client) loadPrints(dataset string, version int) (cellPrints, bool, error) {
	name := c.printsFile(dataset, version)
	if name == "" {
		return cellPrints{}, false, nil
	}
	b, err := os.ReadFile(filepath.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return cellPrints{}, false, nil
	}
	if err != nil {
		return cellPrints{}, false, fmt.Errorf("read the prints of version %d of %s: %w", version, dataset, err)
	}
	p, ok := decodePrints(b)
	return p, ok, nil
}

// comparing is what is published held against everything that was or can be released
// of the same cells, as far as this client can tell what differs.
type comparing struct {
	compared []catalog.Comparison
	sets     []catalog.CellSet
	unknown  []int // versions of the dataset of whose readings it has no record
}

func (c *Client) compare(ctx context.Context, p *Prepared, own *cellPrints) (comparing, error) {
	var out comparing
	d := p.Source.Descriptor
	kindred, err := get[wire.Kindred](ctx, c, call{path: "/v1/datasets/" + url.PathEscape(d.Dataset) + "/kindred"})
	if err != nil {
		return out, fmt.Errorf("ask what version of dataset %s to compare with: %w", d.Dataset, err)
	}
	mine := tiles.Side{Presence: p.Presence, First: p.Panel.First, Cells: d.Grain, Policy: d.Policy.Grain}
	for _, x := range kindred.Comparisons {
		var changed func(int, int64) bool
		mine.Measure = measureIndex(d, x.Measure)
		theirs := mine
		if x.Release == 0 {
			theirs.Measure = measureIndex(d, x.Other)
		} else {
			if theirs, err = c.side(ctx, x); err != nil {
				return out, err
			}
		}
		if x.Release != 0 && x.Dataset == d.Dataset && x.Other == x.Measure {
			var known bool
			if changed, known, err = c.changed(p, x, mine.Measure, own); err != nil {
				return out, err
			}
			if !known {
				if !slices.Contains(out.unknown, x.Release) {
					out.unknown = append(out.unknown, x.Release)
				}
				continue
			}
		}
		out.sets = append(out.sets, tiles.CellSets(len(out.compared), tiles.Differing(mine, theirs, changed))...)
		out.compared = append(out.compared, x)
	}
	return out, nil
}

// changed tells which cells of a measure have another value than in the release
// that x names; false when this machine cannot tell.
func (c *Client) changed(p *Prepared, x catalog.Comparison, m int, own *cellPrints) (func(entity int, period int64) bool, bool, error) {
	dataset := p.Source.Descriptor.Dataset
	if own == nil {
		// An append changes nothing of the version that it continues: tiles are
		// taken over, and readings that are given again were vouched for.
		return nil, p.appended != nil && p.appended.live.Version == x.Release, nil
	}
	old, known, err := c.loadPrints(dataset, x.Release)
	return func(e int, period int64) bool { return string(old.at(m, e, period)) != string(own.at(m, e, period)) }, known, err
}

func measureIndex(d catalog.Descriptor, name string) int {
	return slices.IndexFunc(d.Measures, func(m catalog.Measure) bool { return m.Name == name })
}

// side reads the presence of a release that is compared with.
func (c *Client) side(ctx context.Context, x catalog.Comparison) (tiles.Side, error) {
	other, err := c.Dataset(ctx, x.Dataset)
	if err != nil {
		return tiles.Side{}, err
	}
	v, err := c.Version(ctx, x.Dataset, x.Release)
	if err != nil {
		return tiles.Side{}, err
	}
	presence, err := c.Presence(ctx, other.Descriptor, v)
	if err != nil {
		return tiles.Side{}, err
	}
	d := other.Descriptor
	return tiles.Side{Presence: presence, Measure: measureIndex(d, x.Other), First: v.First, Cells: d.Grain, Policy: d.Policy.Grain}, nil
}
