package route

import (
	"context"
	"net/http"
	"strings"

	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
)

// languageKey is where a context has the language of its request.
type languageKey struct{}

// withLanguage notes the language of a request: that of Accept-Language, which the page sets to its own. Only the first
// is looked at; the page has two.
func withLanguage(req *http.Request) context.Context {
	first, _, _ := strings.Cut(req.Header.Get("Accept-Language"), ",")
	first, _, _ = strings.Cut(first, ";")
	return context.WithValue(req.Context(), languageKey{}, explain.LanguageOf(strings.TrimSpace(first)))
}

// Language is the one in which whoever asked is told things; English where nobody said.
func Language(ctx context.Context) explain.Language {
	l, _ := ctx.Value(languageKey{}).(explain.Language) //nolint:errcheck // English is the zero Language
	return l
}

// In is a problem in a language: of a refusal the sentences of its codes, else those of the desk's own table. In English
// it is as it was told, which may be a node's word on a code that this program does not know. What no table has stays in
// English.
func In(l explain.Language, p *wire.Problem) *wire.Problem {
	if p == nil || l == explain.English {
		return p
	}
	out := *p
	out.Accepted = acceptedInChinese(p.Accepted)
	if r := p.Refusal(); r != nil && l.Says(r.Code) {
		out.Message, out.Group, out.Detail = l.Message(r), l.Group(r.Group), l.Refusal(r)
		out.Fix = l.Fix(r)
		return &out
	}
	sentences := patterns
	if p.Kind == wire.KindSQL {
		sentences = sqlPatterns
	}
	out.Message, out.Fix = worded(sentences(), p.Message), inChinese(p.Fix)
	if nodes, is := strings.CutPrefix(p.Message, noNode); is {
		out.Message = awayInChinese(nodes)
	} else if out.Message == p.Message && p.Kind != wire.KindSQL { // it may be what a node says of itself
		out.Message = NodeIn(l, p.Message)
	}
	if p.Detail == p.Message { // else it is as the network says it
		out.Detail = out.Message
	}
	return &out
}

// teller is an answer with sentences in it, which it can have in another language. It returns the answer that it is.
type teller[O any] interface{ In(explain.Language) O }

// told is an answer in the language of its request.
func told[O any](ctx context.Context, out O) O {
	if t, has := any(out).(teller[O]); has {
		return t.In(Language(ctx))
	}
	return out
}
