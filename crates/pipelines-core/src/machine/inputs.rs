//! What a task is told, what its condition looks at, what compose rules find: values by address.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::state::RunState;
use crate::{
    compose::Outputs,
    definition::{Definition, From, Step},
    expression::{Root, Scope},
    json::Pointer,
    name::{Address, StepId},
};

/// What a condition may look at.
pub(super) struct TaskScope<'s> {
    state: &'s RunState,
    step: &'s Step,
    address: &'s Address,
    input: &'s Value,
    item: Option<&'s Value>,
}

impl Scope for TaskScope<'_> {
    fn find(&self, root: &Root, pointer: &Pointer) -> Option<Cow<'_, Value>> {
        match root {
            Root::Run => pointer.find(&self.state.input).map(Cow::Borrowed),
            Root::Input => pointer.find(self.input).map(Cow::Borrowed),
            Root::Item => pointer.find(self.item?).map(Cow::Borrowed),
            Root::Index => {
                let index = Value::from(*self.address.path.last()?);
                pointer.is_root().then_some(Cow::Owned(index))
            }
            Root::Step(id) => self.state.seen(self.step, self.address, id, pointer),
        }
    }
}

impl RunState {
    pub(super) const fn scope<'s>(
        &'s self,
        step: &'s Step,
        address: &'s Address,
        input: &'s Value,
        item: Option<&'s Value>,
    ) -> TaskScope<'s> {
        TaskScope { state: self, step, address, input, item }
    }

    /// What a task is told (`spec/work.md` 2, `inputs`).
    pub(super) fn resolved(&self, step: &Step, address: &Address, item: Option<&Value>) -> Value {
        let mut told = Map::new();
        let Some(inputs) = &step.inputs else {
            told.insert("input".to_owned(), self.input.as_ref().clone());
            let spawner = step.spawner.as_ref().and_then(|id| self.definition.step(id));
            let element = spawner.and_then(|it| it.spawns.as_ref()).zip(item);
            told.extend(element.map(|(spawns, item)| (spawns.element.clone(), item.clone())));
            return Value::Object(told);
        };
        for (name, input) in inputs {
            let found = match &input.from {
                From::Run => input.pointer.find(&self.input).cloned(),
                From::Item => item.and_then(|item| input.pointer.find(item)).cloned(),
                From::Index => address.path.last().map(|index| Value::from(*index)),
                From::Step(id) => self.seen(step, address, id, &input.pointer).map(Cow::into_owned),
            };
            let value = found.or_else(|| input.default.clone());
            match value {
                Some(value) => drop(told.insert(name.clone(), value)),
                None if input.is_optional => {}
                None => drop(told.insert(name.clone(), Value::Null)),
            }
        }
        Value::Object(told)
    }

    /// What an instance of `from` sees of another step: one value, or a list of them for each spawner between.
    fn seen(
        &self,
        from: &Step,
        address: &Address,
        id: &StepId,
        pointer: &Pointer,
    ) -> Option<Cow<'_, Value>> {
        let to = self.definition.step(id)?;
        if let Some(path) = address.path.get(..to.scope.len())
            && from.scope.len() >= to.scope.len()
        {
            return pointer.find(self.output_of(id, path)?).map(Cow::Borrowed);
        }
        let between = to.scope.get(from.scope.len()..)?;
        Some(Cow::Owned(self.gathered(id, between, &address.path, pointer)))
    }

    /// Element i comes from the instance with index i, `null` where there is nothing. Nothing ever shifts.
    fn gathered(&self, id: &StepId, between: &[StepId], path: &[u32], pointer: &Pointer) -> Value {
        let Some((spawner, inner)) = between.split_first() else {
            let found = self.output_of(id, path).and_then(|output| pointer.find(output));
            return found.cloned().unwrap_or_default();
        };
        let width = self.width(spawner, path);
        let element = |index| {
            let below: Vec<_> = path.iter().copied().chain([index]).collect();
            self.gathered(id, inner, &below, pointer)
        };
        (0..width).map(element).collect()
    }

    /// How many elements the fan-out of an instance has.
    fn width(&self, spawner: &StepId, path: &[u32]) -> u32 {
        let spawns = self.definition.step(spawner).and_then(|step| step.spawns.as_ref());
        let list = spawns.zip(self.output_of(spawner, path));
        let list = list.and_then(|(spawns, output)| spawns.for_each.find(output)?.as_array());
        u32::try_from(list.map_or(0, Vec::len)).unwrap_or(u32::MAX)
    }
}

impl Outputs for RunState {
    fn output(&self, step: &StepId, path: &[u32]) -> Option<&Value> {
        self.output_of(step, path)
    }

    fn all<'o>(&'o self, step: &StepId) -> Box<dyn Iterator<Item = &'o Value> + 'o> {
        let found = self.instances(step, &[]);
        let done =
            found.filter_map(move |(address, _)| self.output_of(&address.step, &address.path));
        Box::new(done)
    }

    fn element_name(&self, spawner: &StepId) -> &str {
        element_name(&self.definition, spawner)
    }
}

fn element_name<'d>(definition: &'d Definition, spawner: &StepId) -> &'d str {
    let spawns = definition.step(spawner).and_then(|step| step.spawns.as_ref());
    spawns.map_or("item", |spawns| &spawns.element)
}
