package bureau

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

func (b *Bureau) ownRoutes() []route.Route {
	return []route.Route{
		route.New("GET", "/api/own", "One's own datasets, with who may ask them, and the budgets of noise", route.Reads, b.listOwn),
		route.New("GET", "/api/own/{id}", "One's own dataset: contracts on it, versions, and what can be amended", route.Reads, b.showOwn),
		route.New("POST", "/api/own/{id}/compare", "What an amendment would change; nothing is signed", route.Reads, b.compare),
		route.New("POST", "/api/own/{id}/amend", "Amend a dataset's texts, price and policy", route.Changes, b.amend),
		route.New("POST", "/api/own/{id}/withdraw", "Withdraw a dataset, or a version of it, for good", route.Changes, b.withdraw),
		route.NewFile("GET", "/api/own/{id}/template", "A workbook into which readings can be typed", route.Reads, b.template),
		route.New("GET", "/api/feeds", "What the feeds of this machine took, published and passed over", route.Reads, b.listFeeds),
	}
}

// Own answers GET /api/own.
type Own struct {
	Datasets []OwnDataset `json:"datasets"`
	Ledgers  []Ledger     `json:"ledgers"`
}

// OwnDataset is a line of one's own datasets.
type OwnDataset struct {
	ID        string       `json:"id"`
	Title     catalog.Text `json:"title"`
	Registry  string       `json:"registry"`
	Public    bool         `json:"public"`
	Live      int          `json:"live"`
	Versions  int          `json:"versions"`
	Withdrawn bool         `json:"withdrawn"`
	Waiting   int          `json:"waiting"`   // orders
	Contracts int          `json:"contracts"` // active ones of others
	Queries   int          `json:"queries"`   // of others, charged
	Spent     string       `json:"spent"`     // by others
	Currency  string       `json:"currency,omitempty"`
}

// Ledger is the budget of noise of one's datasets on a registry.
type Ledger struct {
	Registry string          `json:"registry"`
	Datasets []string        `json:"datasets"`
	Account  catalog.Account `json:"account"`
}

func (b *Bureau) listOwn(ctx context.Context, _ none) (Own, error) {
	mine, err := b.mine(ctx)
	if err != nil {
		return Own{}, err
	}
	orders, err := client.Orders.All(ctx, b.client)
	if err != nil {
		return Own{}, err
	}
	contracts, err := client.Contracts.All(ctx, b.client)
	if err != nil {
		return Own{}, err
	}
	out := Own{Datasets: []OwnDataset{}, Ledgers: []Ledger{}}
	for _, d := range mine {
		line := OwnDataset{
			ID: d.ID, Title: d.Descriptor.Title, Registry: d.Descriptor.Registry, Public: d.Descriptor.Policy.Public, Live: d.Live,
			Versions: d.Versions, Withdrawn: d.Withdrawn != nil, Spent: "0",
		}
		if p := d.Descriptor.Price; p != nil {
			line.Currency = p.Currency
		}
		for _, o := range orders {
			if o.Dataset == d.ID && o.State == catalog.OrderOpen {
				line.Waiting++
			}
		}
		for _, k := range contracts {
			if k.Dataset != d.ID || k.Buyer == k.Publisher {
				continue
			}
			if k.State == catalog.ContractActive {
				line.Contracts++
			}
			line.Queries += k.Used
			line.Spent = decimal.AddAmounts(line.Spent, k.Spent)
		}
		out.Datasets = append(out.Datasets, line)
	}
	slices.SortFunc(out.Datasets, func(a, b OwnDataset) int { return cmp.Compare(a.ID, b.ID) })
	out.Ledgers = append(out.Ledgers, ledgersOf(mine, contracts)...)
	return out, nil
}

// ledgersOf are the budgets of noise, by registry.
func ledgersOf(mine map[string]*catalog.Dataset, contracts []catalog.Contract) (out []Ledger) {
	for _, d := range mine {
		if d.Descriptor.Policy.DP == nil {
			continue
		}
		at := slices.IndexFunc(out, func(l Ledger) bool { return l.Registry == d.Descriptor.Registry })
		if at < 0 {
			at = len(out)
			out = append(out, Ledger{Registry: d.Descriptor.Registry, Account: familyAccount(*d, mine, contracts)})
		}
		out[at].Datasets = append(out[at].Datasets, d.ID)
	}
	for _, l := range out {
		slices.Sort(l.Datasets)
	}
	slices.SortFunc(out, func(a, b Ledger) int { return cmp.Compare(a.Registry, b.Registry) })
	return out
}

// OwnDetail is one's own dataset.
type OwnDetail struct {
	ID         string             `json:"id"`
	Descriptor catalog.Descriptor `json:"descriptor"`
	Amended    int                `json:"amended"`
	Live       int                `json:"live"`
	Withdrawn  string             `json:"withdrawn,omitempty"` // why
	Policy     []string           `json:"policy"`              // in sentences
	Fields     []PolicyField      `json:"fields"`
	Versions   []OwnVersion       `json:"versions"`  // the newest first
	Contracts  []ask.Accounted    `json:"contracts"` // the newest first; one's own is that under which one asks oneself
	Ledger     *Ledger            `json:"ledger,omitempty"`
	Read       bool               `json:"read"` // this machine knows how its files are read
}

// OwnVersion is a version of one's own dataset. Times are Unix milliseconds.
type OwnVersion struct {
	Version   int      `json:"version"`
	State     string   `json:"state"`
	Reason    string   `json:"reason,omitempty"`
	First     string   `json:"first"`
	Last      string   `json:"last"`
	Entities  int      `json:"entities"`
	Nodes     []string `json:"nodes"` // that hold it
	Since     int64    `json:"since"`
	Withdrawn string   `json:"withdrawn,omitempty"` // why
}

func (b *Bureau) showOwn(ctx context.Context, in named) (OwnDetail, error) {
	d, err := b.own(ctx, in.ID)
	if err != nil {
		return OwnDetail{}, err
	}
	r, err := b.client.Registry(ctx, d.Descriptor.Registry)
	if err != nil {
		return OwnDetail{}, err
	}
	out := OwnDetail{
		ID: d.ID, Descriptor: d.Descriptor, Amended: d.Amended, Live: d.Live, Policy: policyIn(route.Language(ctx), d.Descriptor), Fields: fieldsOf(d.Descriptor, r.Columns),
		Versions: []OwnVersion{},
	}
	if d.Withdrawn != nil {
		out.Withdrawn = d.Withdrawn.Reason
	}
	versions, err := b.client.Versions(ctx, d.ID)
	if err != nil {
		return out, err
	}
	for _, v := range slices.Backward(versions) {
		out.Versions = append(out.Versions, ownVersion(route.Language(ctx), d.Descriptor, v))
	}
	contracts, err := client.Contracts.All(ctx, b.client)
	if err != nil {
		return out, err
	}
	of := slices.DeleteFunc(slices.Clone(contracts), func(k catalog.Contract) bool { return k.Dataset != d.ID })
	slices.Reverse(of)
	if out.Contracts, err = ask.WithAccounts(ctx, b.client, of); err != nil {
		return out, err
	}
	if d.Descriptor.Policy.DP != nil {
		mine, err := b.mine(ctx)
		if err != nil {
			return out, err
		}
		for _, l := range ledgersOf(mine, contracts) {
			if slices.Contains(l.Datasets, d.ID) {
				out.Ledger = &l
			}
		}
	}
	src, err := publish.LastSource(b.client, d.ID)
	out.Read = src != nil
	return out, err
}

func ownVersion(l explain.Language, d catalog.Descriptor, v catalog.Version) OwnVersion {
	out := OwnVersion{
		Version: v.Version, State: string(v.Standing()), Reason: l.Reason(v.Reason), First: d.Grain.Format(v.First),
		Last: d.Grain.Format(v.First + int64(v.Periods) - 1), Entities: v.Entities, Nodes: append([]string{}, v.Acks...), Since: cmp.Or(v.LiveAt, v.Proposed),
	}
	if v.Withdrawn != nil {
		out.Withdrawn = v.Withdrawn.Reason
	}
	return out
}

// amended is a dataset and what is amended of it.
type amended struct {
	ID   string `path:"id"`
	Body Amendment
}

// Amendment has the fields of a descriptor that may change beside measures. Amended is the number of amendments that the
// person has seen.
type Amendment struct {
	Amended     int            `json:"amended"`
	Title       catalog.Text   `json:"title"`
	Description catalog.Text   `json:"description"`
	License     string         `json:"license"`
	Price       *catalog.Price `json:"price,omitempty"`
	Policy      catalog.Policy `json:"policy"`
}

// Compared is what an amendment would change.
type Compared struct {
	Changes []ComparedField `json:"changes"`
	May     bool            `json:"may"` // all of it may change
}

// ComparedField is a field that changes, and why it cannot.
type ComparedField struct {
	Field  string `json:"field"`
	Old    string `json:"old"`
	New    string `json:"new"`
	Reason string `json:"reason,omitempty"`
}

// amendment compares what is amended with what the dataset has.
func (b *Bureau) amendment(ctx context.Context, in amended) (publish.Amendment, error) {
	have, err := b.own(ctx, in.ID)
	if err != nil {
		return publish.Amendment{}, err
	}
	if have.Amended != in.Body.Amended {
		return publish.Amendment{}, route.BadField("amended", "the dataset was amended since the page was loaded", "load the page again, and look at what it has now")
	}
	to := have.Descriptor
	to.Title, to.Description, to.License, to.Policy = in.Body.Title, in.Body.Description, strings.TrimSpace(in.Body.License), in.Body.Policy
	to.Price = nil
	if p := in.Body.Price; p != nil && *p != (catalog.Price{}) {
		to.Price = p
	}
	if r := to.Check(); r != nil {
		return publish.Amendment{}, r
	}
	return publish.Compare(ctx, b.client, to)
}

func (b *Bureau) compare(ctx context.Context, in amended) (Compared, error) {
	x, err := b.amendment(ctx, in)
	return comparedOf(route.Language(ctx), x), err
}

func comparedOf(l explain.Language, x publish.Amendment) Compared {
	out := Compared{Changes: []ComparedField{}, May: catalog.AmendRefusal(x.Dataset, x.Changes) == nil}
	for _, c := range x.Changes {
		out.Changes = append(out.Changes, ComparedField{Field: c.Field, Old: c.Old, New: c.New, Reason: l.WhyNotAmended(c.Why)})
	}
	return out
}

func (b *Bureau) amend(ctx context.Context, in amended) (Compared, error) {
	x, err := b.amendment(ctx, in)
	if err != nil {
		return Compared{}, err
	}
	if no := catalog.AmendRefusal(x.Dataset, x.Changes); no != nil {
		return Compared{}, no
	}
	if len(x.Changes) == 0 {
		return Compared{}, route.BadField("policy", "nothing is other than it was", "change a field first")
	}
	return comparedOf(route.Language(ctx), x), publish.Amend(ctx, b.client, x)
}

// withdrawn is a dataset, and what is withdrawn of it.
type withdrawn struct {
	ID   string `path:"id"`
	Body Withdrawal
}

// Withdrawal ends a version, or with 0 the dataset.
type Withdrawal struct {
	Version int    `json:"version,omitempty"`
	Reason  string `json:"reason"`
}

func (b *Bureau) withdraw(ctx context.Context, in withdrawn) (Done, error) {
	reason := strings.TrimSpace(in.Body.Reason)
	switch {
	case reason == "":
		return Done{}, route.BadField("reason", "the reason is missing", "say why; buyers read it")
	case in.Body.Version < 0:
		return Done{}, route.BadField("version", "the version is negative", "send its number, or none for the dataset")
	}
	_, err := b.client.Submit(ctx, catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: in.ID, Version: in.Body.Version, Reason: reason})
	return Done{ID: in.ID, State: "withdrawn"}, err
}

// template is the workbook of `weir dataset template`.
func (b *Bureau) template(ctx context.Context, in named) (route.File, error) {
	src, err := publish.LastSource(b.client, in.ID)
	if err != nil {
		return route.File{}, err
	}
	if src == nil {
		return route.File{}, route.NotFound("this machine has not published dataset "+in.ID, "publish from the machine that has, or with its descriptor")
	}
	ids, err := b.client.RegistryIDs(ctx, src.Descriptor.Registry)
	if err != nil {
		return route.File{}, err
	}
	t, err := panel.TemplateOf(src, ids)
	if err != nil {
		return route.File{}, err
	}
	var content strings.Builder
	if err := table.WriteTemplate(&content, t); err != nil {
		return route.File{}, err
	}
	return route.File{Name: in.ID + ".xlsx", ContentType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Content: []byte(content.String())}, nil
}
