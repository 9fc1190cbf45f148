package panel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// registry are the entities of a registry that exists, in its order.
type registry struct {
	ids        []string
	index      map[string]int32
	attributes [][]string // by entity: of the source's, in order; nil: not to be compared
}

func newRegistry(ids []string) *registry {
	r := &registry{ids: ids, index: make(map[string]int32, len(ids))}
	for i, id := range ids {
		r.index[id] = int32(i) // #nosec G115 -- catalog bounds registries
	}
	for i, id := range ids { // of earlier releases, which did not clean them
		if clean := CleanText(id); clean != id {
			if _, taken := r.index[clean]; !taken {
				r.index[clean] = int32(i) // #nosec G115 -- as above
			}
		}
	}
	return r
}

// entity is one that a file's rows made known.
type entity struct {
	id         string
	attributes []string
	line       int // of its first row
}

// entityFault is what is wrong with a row's entity, or with one of its
// attributes. Without a message it was told of an earlier row.
type entityFault struct {
	attribute int // -1: the entity itself
	message   string
	want      func() string
}

// entityReader finds the index of a row's entity. It is used by one goroutine.
type entityReader struct {
	registry *registry // nil: entities are collected in found
	found    *[]entity
	index    map[string]int32 // of found

	told map[string]bool // conflicts that were reported: each once, not for every row

	last   string // entity of the row before; neighbouring rows often share it
	lastAt int32
}

// read returns the index of the entity id in the registry or in found. The
// attributes' fields are compared with those of its other rows.
func (r *entityReader) read(id string, fields []string, attributes []int, line int) (int32, *entityFault) {
	if id == r.last && id != "" {
		return r.lastAt, r.compare(r.lastAt, fields, attributes)
	}
	if r.registry != nil {
		at, ok := r.registry.index[id]
		if !ok {
			return 0, &entityFault{-1, fmt.Sprintf("%.80q is not in the registry", id), func() string { return didYouMean(id, r.registry.ids) }}
		}
		r.last, r.lastAt = id, at
		return at, r.compare(at, fields, attributes)
	}
	if id == "" {
		return 0, &entityFault{-1, "the entity's id is empty", nil}
	}
	at, ok := r.index[id]
	if !ok {
		if fault := storable(id, fields, attributes); fault != nil {
			return 0, fault
		}
		at = r.add(id, fields, attributes, line)
	}
	r.last, r.lastAt = id, at
	return at, r.compare(at, fields, attributes)
}

// storable refuses what a registry does not take.
func storable(id string, fields []string, attributes []int) *entityFault {
	want := func() string {
		return fmt.Sprintf("want at most %d bytes of text in one line, without control characters", catalog.MaxCell)
	}
	if !catalog.IsCell(id) {
		return &entityFault{-1, fmt.Sprintf("%.80q cannot be an entity's name", id), want}
	}
	for i, field := range attributes {
		if field >= 0 && !catalog.IsCell(fields[field]) {
			return &entityFault{i, fmt.Sprintf("%.80q cannot be a public attribute", fields[field]), want}
		}
	}
	return nil
}

// add copies what it keeps: fields are parts of a whole row's text.
func (r *entityReader) add(id string, fields []string, attributes []int, line int) int32 {
	if r.index == nil {
		r.index = map[string]int32{}
	}
	e := entity{id: strings.Clone(id), attributes: make([]string, len(attributes)), line: line}
	for i, at := range attributes {
		if at >= 0 { // else the column is missing, which the header's fault says
			e.attributes[i] = strings.Clone(fields[at])
		}
	}
	at := int32(len(*r.found)) // #nosec G115 -- below the number of lines
	*r.found = append(*r.found, e)
	r.index[e.id] = at
	return at
}

// compare holds a row's attributes against those that the entity has: in the registry,
// or in its first row.
func (r *entityReader) compare(at int32, fields []string, attributes []int) *entityFault {
	if r.registry != nil && r.registry.attributes == nil {
		return nil
	}
	for i, field := range attributes {
		if field < 0 || fields[field] == r.attribute(at, i) || r.registry != nil && fields[field] == CleanText(r.attribute(at, i)) {
			continue
		}
		key := fmt.Sprintf("%d/%d/%s", at, i, fields[field])
		if r.told[key] {
			return &entityFault{attribute: i}
		}
		if r.told == nil {
			r.told = map[string]bool{}
		}
		if len(r.told) < maxListed {
			r.told[key] = true
		}
		if r.registry != nil {
			return &entityFault{i, fmt.Sprintf("%.40q for %.40q, but %.40q in the registry", fields[field], r.registry.ids[at], r.attribute(at, i)),
				func() string {
					return "an entity has one value of an attribute: mend the file, or correct the registry first, with weir registry correct"
				}}
		}
		return conflict(&(*r.found)[at], i, fields[field], "")
	}
	return nil
}

// attribute is the value that an entity has of an attribute.
func (r *entityReader) attribute(at int32, i int) string {
	if r.registry != nil {
		return r.registry.attributes[at][i]
	}
	return (*r.found)[at].attributes[i]
}

// conflict is an entity with two values of an attribute.
func conflict(e *entity, attribute int, value, file string) *entityFault {
	where := fmt.Sprintf("in row %d", e.line)
	if file != "" {
		where += " of " + file
	}
	return &entityFault{attribute, fmt.Sprintf("%.40q for %.40q, but %.40q %s", value, e.id, e.attributes[attribute], where),
		func() string { return "an entity has one value of an attribute" }}
}

// mergeEntities makes one registry of what the files found: entities sorted
// byte by byte. Each file is told which of them its own indexes are.
func mergeEntities(src *Source, files []*rows, faults *Errors) (ids []string, attributes [][]string) {
	type origin struct {
		*entity
		file  string
		lacks []bool
	}
	lacking := func(lacks []bool, attribute int) bool { return lacks != nil && lacks[attribute] }
	all := map[string]origin{}
	for _, f := range files {
		for i := range f.found {
			e := &f.found[i]
			first, ok := all[e.id]
			if !ok {
				all[e.id] = origin{e, f.file, f.lacks}
				ids = append(ids, e.id)
				continue
			}
			for a, v := range e.attributes {
				if v != first.attributes[a] && !lacking(f.lacks, a) && !lacking(first.lacks, a) {
					c := conflict(first.entity, a, v, first.file)
					faults.add(&DataError{File: f.file, Row: e.line, Column: src.Attributes[a], Message: c.message, Want: c.want()})
				}
			}
		}
	}
	if len(ids) > catalog.MaxRegistryRows {
		faults.add(&DataError{
			File: files[0].file, Column: src.EntityColumn, Message: fmt.Sprintf("the files have %d entities, at most %d are possible", len(ids), catalog.MaxRegistryRows),
			Want: "publish parts of them as datasets of their own",
		})
	}
	slices.Sort(ids)
	merged := newRegistry(ids)
	for _, f := range files {
		f.local = make([]int32, len(f.found))
		for i := range f.found {
			f.local[i] = merged.index[f.found[i].id]
		}
	}
	attributes = make([][]string, len(ids))
	for i, id := range ids {
		attributes[i] = append([]string{id}, all[id].attributes...)
	}
	return ids, attributes
}
