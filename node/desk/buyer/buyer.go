package buyer

import (
	"context"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/desk/route"
)

// Buyer answers what a buyer's page asks.
type Buyer struct {
	client *client.Client
	dir    string // of what this machine keeps: answers, and queries until they are answered
	jobs   *jobs

	datasets   *datasets
	answers    *answers
	atlas      *atlas
	orders     *orders
	portfolios *portfolios
	books      *loanBooks
}

// New returns the buyer's part of a desk for a client, with the directory in which the client's machine keeps what
// was asked, and files of maps by the columns whose values are their areas. Close ends it.
func New(c *client.Client, dir string, maps map[string]string) *Buyer {
	b := &Buyer{client: c, dir: dir, datasets: &datasets{c}, answers: &answers{c, dir}, orders: &orders{c}, portfolios: newPortfolios(c, dir)}
	b.atlas = &atlas{client: c, dir: dir, answers: b.answers, given: maps}
	b.jobs = newJobs(b.ask, b.answers.shown)
	b.books = newLoanBooks(c, dir, b.answers.shown)
	return b
}

// Close ends the queries and registrations that are under way here, of books too, and returns when they have ended. At the nodes they go
// on.
func (b *Buyer) Close() {
	b.jobs.close()
	b.portfolios.registrations.close()
	b.books.jobs.close()
}

// ask is the query of a job.
func (b *Buyer) ask(ctx context.Context, q Question, o ask.Options) (*ask.Result, error) {
	o.Keep, o.Store = b.dir, b.dir
	return ask.Query(ctx, b.client, q.SQL, o)
}

// Routes are what the page and notebooks may ask.
func (b *Buyer) Routes() []route.Route {
	return []route.Route{
		route.New("GET", "/api/catalogue", "Datasets that have all of the words and facets", route.Reads, b.datasets.find),
		route.New("GET", "/api/datasets/{id}", "A dataset's listing: measures, policy in words, price, versions, sample queries", route.Reads, b.datasets.listing),
		route.New("GET", "/api/datasets/{id}/coverage", "How much of a dataset's cells hold a reading, over time", route.Reads, b.datasets.coverage),
		route.New("GET", "/api/datasets/{id}/answerable", "What can be answered exactly of a protected dataset", route.Reads, b.datasets.answerable),
		route.New("GET", "/api/datasets/{id}/names", "Names and values that a query on a dataset can have", route.Reads, b.datasets.names),
		route.New("POST", "/api/explain", "What a query would release and cost, or its refusal with queries that pass; nothing is charged", route.Reads, b.explain),
		route.New("GET", "/api/queries", "Queries that were asked here since the desk was started, the newest first", route.Reads, b.listJobs),
		route.New("POST", "/api/queries", "Ask a query. The same question joins one that is under way, and an answer of the last 24 hours is free", route.Changes, b.begin),
		route.New("GET", "/api/queries/{id}", "How far a query is, or its answer; held until it is further than seen", route.Reads, b.job),
		route.New("GET", "/api/history", "Queries of the ledger and the own store, the newest first", route.Reads, b.answers.history),
		route.New("GET", "/api/answers/{query}", "An answer of the own store, free", route.Reads, b.answers.answer),
		route.NewFile("GET", "/api/answers/{query}/file", "An answer of the own store as csv, excel-csv, xlsx, parquet or json", route.Reads, b.answers.export),
		route.NewFile("GET", "/api/answers/{query}/receipt", "The receipt of a query, verified", route.Reads, b.answers.receipt),
		route.New("GET", "/api/answers/{query}/map", "The map of a column of an answer, with the areas that have its values", route.Reads, b.atlas.answerMap),
		route.New("POST", "/api/maps", "Keep a map on this machine for a column of a dataset, or choose the property that has its names", route.Changes, b.atlas.keep).WithBody(maxMapBody),
		route.New("GET", "/api/orders", "Orders, the newest first", route.Reads, b.orders.list),
		route.New("POST", "/api/orders", "Order a contract", route.Changes, b.orders.place),
		route.New("POST", "/api/orders/draft", "The narrowest order that allows a query; nothing is ordered", route.Reads, b.orders.draft),
		route.New("GET", "/api/contracts", "Contracts with what is left of them, the newest first", route.Reads, b.orders.contracts),
		route.New("GET", "/api/contracts/{id}/statement", "What was asked under a contract, and what it cost", route.Reads, b.orders.statement),
		route.New("GET", "/api/portfolios", "One's own private lists and weights", route.Reads, b.portfolios.list),
		route.New("POST", "/api/portfolios/preview", "What a portfolio's file comes to, with what is wrong in its rows; nothing of it leaves this machine", route.Reads, b.portfolios.preview).WithBody(maxListBody),
		route.New("POST", "/api/portfolios", "Share a portfolio among the nodes, each share sealed to its node", route.Changes, b.portfolios.register).WithBody(maxListBody),
		route.New("GET", "/api/portfolios/registrations", "Registrations that were begun here since the desk was started, the newest first", route.Reads, b.portfolios.listRegistrations),
		route.New("GET", "/api/portfolios/registrations/{id}", "How far a registration is; held until it is further than seen", route.Reads, b.portfolios.registration),
		route.New("POST", "/api/financed/preview", "What asking for the financed emissions of a loan book would do and cost; nothing of it leaves this machine", route.Reads, b.books.preview).WithBody(maxListBody),
		route.New("POST", "/api/financed", "Register a loan book as a private list, and ask for its financed emissions", route.Changes, b.books.begin).WithBody(maxListBody),
		route.New("GET", "/api/financed", "Loan books that were asked about here since the desk was started, the newest first", route.Reads, b.books.list),
		route.New("GET", "/api/financed/{id}", "How far a loan book is, or its report; held until it is further than seen", route.Reads, b.books.job),
		route.NewFile("GET", "/api/financed/{id}/file", "A report of financed emissions as csv, excel-csv or json", route.Reads, b.books.export),
	}
}

// none is the input of a route without parameters.
type none struct{}
