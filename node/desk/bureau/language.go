package bureau

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

// policyIn says a policy in sentences.
func policyIn(l explain.Language, d catalog.Descriptor) []string {
	return append([]string{}, publish.PolicyIn(l, d)...)
}

// In is the draft with its sentences in a language. Rare faults of files and descriptors stay in English.
func (d Draft) In(l explain.Language) Draft {
	if d.described != nil {
		d.Words = policyIn(l, *d.described)
	}
	if d.Checked != nil && d.examined != nil {
		checked := *d.Checked
		checked.Policy, checked.Closed = policyIn(l, *d.examined), route.ClosedIn(l, checked.Closed)
		checked.Unrelated, checked.Read.Warnings = route.EachPublishingIn(l, checked.Unrelated), route.EachPublishingIn(l, checked.Read.Warnings)
		d.Checked = &checked
	}
	d.Notes = route.EachPublishingIn(l, d.Notes)
	if d.Work != nil {
		work := *d.Work
		work.Problem, work.Waiting = route.In(l, work.Problem), route.PublishingIn(l, work.Waiting)
		d.Work = &work
	}
	if d.Faults != nil {
		faults := *d.Faults
		faults.List = route.FaultsIn(l, faults.List, func(f *Fault) (message, want *string) { return &f.Message, &f.Want })
		d.Faults = &faults
	}
	d.Wrong = route.FaultsIn(l, d.Wrong, func(f *DescriptorFault) (message, want *string) { return &f.Message, &f.Want })
	return d
}
