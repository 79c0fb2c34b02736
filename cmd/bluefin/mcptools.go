package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
)

// An mcpAnswer is the answer of a tool: text for a model to read, and the same as data.
type mcpAnswer struct {
	text string
	data record
}

// An mcpTool is one tool. Properties is its input schema.
type mcpTool struct {
	name, description string
	writes            bool
	properties        record
	required          []string
	call              func(context.Context, json.RawMessage) (mcpAnswer, error)
}

// addTools registers the tools.
func (a *mcpAgent) addTools(ctx context.Context) {
	name := mcpProperty("string", "the name of the study; may be left out if there is only one")
	number := mcpProperty("integer", "the number of the trial")
	tools := []mcpTool{
		{name: "studies", description: "List the studies of the file, with their directions and numbers of trials.",
			properties: record{{Name: "offset", Value: mcpCount("how many studies to skip", 0)}}, call: mcpCall(a.listStudies)},
		{name: "study", description: "Show one study: directions, search space with ranges, trials by state, the best " +
			"trial, and what the sampler knows now.",
			properties: record{{Name: "study", Value: name}}, call: mcpCall(a.showStudy)},
		{name: "trials", description: "List trials: the best first, or the newest. Use limit 1 for the best one.",
			properties: record{{Name: "study", Value: name},
				{Name: "order", Value: record{{Name: "enum", Value: []any{"best", "newest", "number"}},
					{Name: "description", Value: `"best" (default) has only complete and pruned trials`}}},
				{Name: "offset", Value: mcpCount("how many trials to skip", 0)},
				{Name: "limit", Value: mcpCount("at most so many trials, up to 100; default 10", 1)}}, call: mcpCall(a.listTrials)},
		{name: "importances", description: "Show how much each parameter decides whether a trial is among the best tenth " +
			"(PED-ANOVA). Shares that sum to 1.",
			properties: record{{Name: "study", Value: name},
				{Name: "objective", Value: mcpCount("which objective, from 0", 0)}}, call: mcpCall(a.importances)},
		{name: "why", description: "Explain how a trial was drawn: by whom, from which trials, its nearest neighbours " +
			"then, and what the sampler thinks of it.",
			properties: record{{Name: "study", Value: name}, {Name: "trial", Value: number}}, required: []string{"trial"},
			call: mcpCall(a.why)},
		{name: "create_study", writes: true, description: "Create a study.",
			properties: record{{Name: "study", Value: mcpProperty("string", "the name of the new study")},
				{Name: "directions", Value: record{{Name: "type", Value: "array"}, {Name: "minItems", Value: 1},
					{Name: "items", Value: record{{Name: "enum", Value: []any{"minimize", "maximize"}}}},
					{Name: "description", Value: `one per objective; default ["minimize"]`}}}},
			required: []string{"study"}, call: mcpCall(a.createStudy)},
		{name: "ask", writes: true, description: "Start a trial and get its parameters, with what the sampler knows. " +
			"Queued and abandoned trials come first. The trial must be told before its lease ends; each report renews it.",
			properties: record{{Name: "study", Value: name},
				{Name: "search_space", Value: mcpProperty("object", `distributions by parameter, if the study has no trial yet or `+
					`for other parameters, like {"lr": {"type": "float", "low": 1e-5, "high": 0.1, "log": true}, "layers": `+
					`{"type": "int", "low": 1, "high": 8}, "opt": {"type": "categorical", "choices": ["sgd", "adam"]}}`)},
				{Name: "lease_seconds", Value: record{{Name: "type", Value: "number"}, {Name: "minimum", Value: 1},
					{Name: "maximum", Value: mcpLongestLease}, {Name: "description",
						Value: fmt.Sprintf("how long nobody else may claim the trial; default %.0f", a.lease.Seconds())}}}},
			call: mcpCall(a.ask)},
		{name: "report", writes: true, description: "Save an intermediate value of a running trial and renew its lease. " +
			"The answer says whether to stop it; then tell it with state pruned.",
			properties: record{{Name: "study", Value: name}, {Name: "trial", Value: number},
				{Name: "step", Value: mcpCount("the step or epoch", 0)},
				{Name: "value", Value: mcpNumberSchema("the objective at that step")}},
			required: []string{"trial", "step", "value"}, call: mcpCall(a.report)},
		{name: "tell", writes: true, description: "End a running trial: with a value (complete), as pruned, or as failed.",
			properties: record{{Name: "study", Value: name}, {Name: "trial", Value: number},
				{Name: "value", Value: mcpNumberSchema("the objective; leave it out unless the trial is complete")},
				{Name: "values", Value: record{{Name: "type", Value: "array"}, {Name: "items", Value: mcpNumberSchema("")},
					{Name: "description", Value: "in place of value, one per objective"}}},
				{Name: "state", Value: record{{Name: "enum", Value: []any{"complete", "pruned", "fail"}},
					{Name: "description", Value: "default: complete with a value, fail without"}}},
				{Name: "constraints", Value: record{{Name: "type", Value: "object"},
					{Name: "additionalProperties", Value: record{{Name: "type", Value: "number"}}},
					{Name: "description", Value: "by name; the trial is infeasible if one is above 0"}}},
				{Name: "user_attrs", Value: mcpProperty("object",
					"anything to save with the trial, such as a note or why it failed")}},
			required: []string{"trial"}, call: mcpCall(a.tell)},
	}
	for _, t := range tools {
		a.add(t)
	}
	a.showSpace(ctx)
}

// add registers a tool. Those that write are left out if the server only reads.
func (a *mcpAgent) add(t mcpTool) {
	if t.writes && a.readOnly {
		return
	}
	schema := record{{Name: "type", Value: "object"}, {Name: "properties", Value: t.properties},
		{Name: "additionalProperties", Value: false}}
	if t.required != nil {
		schema = append(schema, pyjson.Member{Name: "required", Value: mcpList(t.required)})
	}
	no := false
	a.server.AddTool(&mcp.Tool{Name: t.name, Description: t.description, InputSchema: mcpJSON(schema),
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: !t.writes, DestructiveHint: &no, OpenWorldHint: &no}},
		func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			answer, err := t.call(ctx, r.Params.Arguments)
			if err != nil {
				var result mcp.CallToolResult
				result.SetError(errors.New(message.OneLine(err)))
				return &result, nil
			}
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: answer.text}},
				StructuredContent: mcpJSON(answer.data)}, nil
		})
}

// showSpace registers enqueue with the search space of the study in its schema, if there is one
// study, and again when the space has changed.
func (a *mcpAgent) showSpace(ctx context.Context) {
	a.showing.Lock() // or an earlier space might be registered last
	defer a.showing.Unlock()
	params := mcpProperty("object", "a value for each parameter to fix; the sampler draws the others")
	if s, err := a.open(ctx, ""); err == nil {
		if dims, _, err := a.spaceOf(ctx, s); err == nil && len(dims) > 0 {
			params = append(params, pyjson.Member{Name: "properties", Value: mcpSpaceSchema(dims)})
		}
	}
	schema := string(mcpJSON(params))
	if schema == a.shown {
		return
	}
	a.shown = schema
	a.add(mcpTool{name: "enqueue", writes: true, description: "Queue a trial with parameters of your own; the next ask " +
		"starts it. The answer has the sampler's rating of the point. With dry_run nothing is queued.",
		properties: record{{Name: "study", Value: mcpProperty("string", "the name of the study")},
			{Name: "params", Value: params},
			{Name: "dry_run", Value: mcpProperty("boolean", "only check and rate the point")},
			{Name: "repeat", Value: mcpProperty("boolean", "queue it although a trial has the same parameters")}},
		required: []string{"params"}, call: mcpCall(a.enqueue)})
}

// mcpProperty is the schema of an argument.
func mcpProperty(kind, description string) record {
	return record{{Name: "type", Value: kind}, {Name: "description", Value: description}}
}

// mcpCount is the schema of a whole number.
func mcpCount(description string, least int) record {
	return append(mcpProperty("integer", description), pyjson.Member{Name: "minimum", Value: least})
}

// mcpNumberSchema is the schema of an pyjson.Number.
func mcpNumberSchema(description string) record {
	return record{{Name: "type", Value: []any{"number", "string"}},
		{Name: "description", Value: strings.TrimSpace(description + ` (or "NaN", "Infinity", "-Infinity")`)}}
}

// mcpSpaceSchema is the schema of values of parameters.
func mcpSpaceSchema(dims []space.Dimension) record {
	all := record{}
	for _, d := range dims {
		all = append(all, pyjson.Member{Name: d.Name, Value: mcpDistSchema(d.Dist)})
	}
	return all
}

func mcpDistSchema(d space.Dist) record {
	switch d := d.(type) {
	case space.Categorical:
		return record{{Name: "enum", Value: d.Choices}}
	case space.Int:
		return append(record{{Name: "type", Value: "integer"}, {Name: "minimum", Value: d.Low},
			{Name: "maximum", Value: d.High}}, mcpScale(d.Log, float64(d.Step), d.Step > 1)...)
	}
	f := d.(space.Float)
	return append(record{{Name: "type", Value: "number"}, {Name: "minimum", Value: f.Low},
		{Name: "maximum", Value: f.High}}, mcpScale(f.Log, f.Step, f.Step > 0)...)
}

func mcpScale(log bool, step float64, stepped bool) record {
	switch {
	case log:
		return record{{Name: "description", Value: "logarithmic scale"}}
	case stepped:
		return record{{Name: "description", Value: fmt.Sprintf("in steps of %v from the minimum", step)}}
	}
	return nil
}

// mcpJSON returns JSON that every parser reads. Records of these types always marshal.
func mcpJSON(v record) json.RawMessage {
	text, _ := pyjson.Marshal(jsonValue(v))
	return pyjson.Standard(text)
}

func mcpList[T any](list []T) []any {
	all := []any{}
	for _, v := range list {
		all = append(all, v)
	}
	return all
}

// mcpCall decodes the arguments of a tool into a struct.
func mcpCall[In any](call func(context.Context, In) (mcpAnswer, error)) func(context.Context, json.RawMessage) (
	mcpAnswer, error) {
	return func(ctx context.Context, raw json.RawMessage) (mcpAnswer, error) {
		var in In
		if len(raw) > 0 && string(raw) != "null" {
			d := json.NewDecoder(bytes.NewReader(raw))
			d.DisallowUnknownFields()
			if err := d.Decode(&in); err != nil {
				return mcpAnswer{}, mcpArgumentError(err)
			}
		}
		return call(ctx, in)
	}
}

// mcpArgumentError names the argument that is wrong.
func mcpArgumentError(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		kinds := map[string]string{"int": "a whole number", "float64": "a number", "string": "a string",
			"bool": "true or false"}
		want, ok := kinds[wrong.Type.String()]
		if !ok {
			want = "a list or an object of the tool's schema"
		}
		return fmt.Errorf("%s is a %s, want %s", wrong.Field, wrong.Value, want)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("%s is no argument of this tool", name)
	}
	return fmt.Errorf("the arguments are no JSON object of the tool's schema: %w", err)
}
