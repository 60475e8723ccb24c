//! Formulas: recorded expressions of neuron and surrogate models. A [`Real`] that records the operations on it turns a
//! model written once in Rust, and its derivatives, into a form that can be translated to another language.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::real::Real;

/// A function of numbers, recorded as a list of operations in which each reads only earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// Number of arguments.
    pub arguments: usize,
    /// The operations. Operands and results refer to them by index.
    pub operations: Vec<Operation>,
    /// The results: indices into the operations.
    pub results: Vec<usize>,
}

/// One operation of a [`Formula`]. Operands are indices of earlier operations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operation {
    /// The argument of this index.
    Argument(usize),
    /// A constant.
    Constant(f32),
    /// `a + b`.
    Add(usize, usize),
    /// `a - b`.
    Sub(usize, usize),
    /// `a · b`.
    Mul(usize, usize),
    /// `a / b`.
    Div(usize, usize),
    /// `-a`.
    Neg(usize),
    /// `e^a`.
    Exp(usize),
    /// Natural logarithm.
    Ln(usize),
    /// Inverse tangent.
    Atan(usize),
    /// Error function.
    Erf(usize),
    /// `yes` where `x > bound` (strictly), else `no`.
    Above {
        /// The operand that is compared with `bound`.
        x: usize,
        /// The operand that `x` is compared with.
        bound: usize,
        /// The result if `x` is above `bound`.
        yes: usize,
        /// The result if it is not.
        no: usize,
    },
}

impl Formula {
    /// Records `function` of `arguments` numbers. Operations that do not change a finite number (`x · 1`, `x + 0`,
    /// `x · 0`) are simplified, constants are folded, and operations that no result depends on are dropped.
    pub fn of(arguments: usize, function: impl FnOnce(&[Symbol]) -> Vec<Symbol>) -> Self {
        SHEET.with_borrow_mut(|sheet| *sheet = Tape::default());
        let symbols: Vec<Symbol> = (0..arguments).map(|index| enter(Operation::Argument(index))).collect();
        let results = function(&symbols);
        let operations = SHEET.with_borrow_mut(std::mem::take).operations;
        Self { arguments, operations, results: results.iter().map(|symbol| symbol.0 as usize).collect() }.pruned()
    }

    /// Computes the results for the given arguments.
    ///
    /// # Panics
    /// If there are fewer arguments than the formula has.
    pub fn evaluate(&self, arguments: &[f32]) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.operations.len());
        for operation in &self.operations {
            values.push(operation.value(arguments, |index| values[index]));
        }
        self.results.iter().map(|&result| values[result]).collect()
    }

    /// Removes operations that no result depends on.
    fn pruned(self) -> Self {
        let mut needed = vec![false; self.operations.len()];
        for &result in &self.results {
            needed[result] = true;
        }
        for (index, operation) in self.operations.iter().enumerate().rev() {
            if needed[index] {
                operation.operands().for_each(|operand| needed[operand] = true);
            }
        }
        let mut at = vec![0; self.operations.len()];
        let mut operations = Vec::new();
        for (index, operation) in self.operations.iter().enumerate().filter(|(index, _)| needed[*index]) {
            at[index] = operations.len();
            operations.push(operation.renumbered(|operand| at[operand]));
        }
        Self { operations, results: self.results.iter().map(|&result| at[result]).collect(), ..self }
    }
}

impl Operation {
    /// Indices of the operands.
    pub fn operands(self) -> impl Iterator<Item = usize> {
        let operands = match self {
            Self::Argument(_) | Self::Constant(_) => [None; 4],
            Self::Neg(a) | Self::Exp(a) | Self::Ln(a) | Self::Atan(a) | Self::Erf(a) => [Some(a), None, None, None],
            Self::Add(a, b) | Self::Sub(a, b) | Self::Mul(a, b) | Self::Div(a, b) => [Some(a), Some(b), None, None],
            Self::Above { x, bound, yes, no } => [Some(x), Some(bound), Some(yes), Some(no)],
        };
        operands.into_iter().flatten()
    }

    fn renumbered(self, to: impl Fn(usize) -> usize) -> Self {
        match self {
            Self::Argument(_) | Self::Constant(_) => self,
            Self::Add(a, b) => Self::Add(to(a), to(b)),
            Self::Sub(a, b) => Self::Sub(to(a), to(b)),
            Self::Mul(a, b) => Self::Mul(to(a), to(b)),
            Self::Div(a, b) => Self::Div(to(a), to(b)),
            Self::Neg(a) => Self::Neg(to(a)),
            Self::Exp(a) => Self::Exp(to(a)),
            Self::Ln(a) => Self::Ln(to(a)),
            Self::Atan(a) => Self::Atan(to(a)),
            Self::Erf(a) => Self::Erf(to(a)),
            Self::Above { x, bound, yes, no } => Self::Above { x: to(x), bound: to(bound), yes: to(yes), no: to(no) },
        }
    }

    fn value(self, arguments: &[f32], of: impl Fn(usize) -> f32) -> f32 {
        match self {
            Self::Argument(index) => arguments[index],
            Self::Constant(value) => value,
            Self::Add(a, b) => of(a) + of(b),
            Self::Sub(a, b) => of(a) - of(b),
            Self::Mul(a, b) => of(a) * of(b),
            Self::Div(a, b) => of(a) / of(b),
            Self::Neg(a) => -of(a),
            Self::Exp(a) => Real::exp(of(a)),
            Self::Ln(a) => Real::ln(of(a)),
            Self::Atan(a) => Real::atan(of(a)),
            Self::Erf(a) => Real::erf(of(a)),
            Self::Above { x, bound, yes, no } => of(x).above(of(bound), of(yes), of(no)),
        }
    }
}

/// A number that records the operations on it. Only valid within [`Formula::of`].
#[derive(Debug, Clone, Copy)]
pub struct Symbol(u32);

/// The operations recorded so far.
#[derive(Debug, Default)]
struct Tape {
    operations: Vec<Operation>,
    /// The index of each operation by its key, so that equal operations are recorded once.
    known: BTreeMap<[u64; 5], u32>,
}

thread_local! {
    static SHEET: RefCell<Tape> = RefCell::default();
}

/// Records an operation, unless an equal one is recorded already.
fn enter(operation: Operation) -> Symbol {
    SHEET.with_borrow_mut(|sheet| {
        let next = sheet.operations.len() as u32;
        let at = *sheet.known.entry(key(operation)).or_insert(next);
        if at == next {
            sheet.operations.push(operation);
        }
        Symbol(at)
    })
}

/// A key that identifies an operation. Constants are compared by their bits.
fn key(operation: Operation) -> [u64; 5] {
    let kind = match operation {
        Operation::Argument(_) => 0,
        Operation::Constant(_) => 1,
        Operation::Add(..) => 2,
        Operation::Sub(..) => 3,
        Operation::Mul(..) => 4,
        Operation::Div(..) => 5,
        Operation::Neg(_) => 6,
        Operation::Exp(_) => 7,
        Operation::Ln(_) => 8,
        Operation::Atan(_) => 9,
        Operation::Erf(_) => 10,
        Operation::Above { .. } => 11,
    };
    let mut key = [kind, 0, 0, 0, 0];
    match operation {
        Operation::Argument(index) => key[1] = index as u64,
        Operation::Constant(value) => key[1] = u64::from(value.to_bits()),
        _ => operation.operands().zip(&mut key[1..]).for_each(|(operand, entry)| *entry = operand as u64),
    }
    key
}

impl Symbol {
    /// The value, if it is a constant.
    fn constant(self) -> Option<f32> {
        SHEET.with_borrow(|sheet| match sheet.operations[self.0 as usize] {
            Operation::Constant(value) => Some(value),
            _ => None,
        })
    }

    fn is(self, value: f32) -> bool {
        self.constant() == Some(value)
    }

    fn at(self) -> usize {
        self.0 as usize
    }

    /// Records `operation` of one number, or computes it if the number is a constant.
    fn map(self, operation: Operation) -> Self {
        match self.constant() {
            Some(value) => Self::from(operation.value(&[], |_| value)),
            None => enter(operation),
        }
    }

    /// Records `operation` of two numbers, or computes it if both are constants.
    fn join(self, other: Self, operation: Operation) -> Self {
        match (self.constant(), other.constant()) {
            (Some(a), Some(b)) => {
                let at = self.at();
                Self::from(operation.value(&[], |index| if index == at { a } else { b }))
            }
            _ => enter(operation),
        }
    }
}

impl From<f32> for Symbol {
    fn from(constant: f32) -> Self {
        enter(Operation::Constant(constant))
    }
}

impl Default for Symbol {
    fn default() -> Self {
        Self::from(0.0)
    }
}

impl Add for Symbol {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        match (self.is(0.0), other.is(0.0)) {
            (true, _) => other,
            (_, true) => self,
            _ => self.join(other, Operation::Add(self.at(), other.at())),
        }
    }
}

impl Sub for Symbol {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        match (self.is(0.0), other.is(0.0)) {
            (_, true) => self,
            (true, _) => -other,
            _ => self.join(other, Operation::Sub(self.at(), other.at())),
        }
    }
}

impl Mul for Symbol {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        if self.is(1.0) || other.is(0.0) {
            other
        } else if other.is(1.0) || self.is(0.0) {
            self
        } else {
            self.join(other, Operation::Mul(self.at(), other.at()))
        }
    }
}

impl Div for Symbol {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        if other.is(1.0) || self.is(0.0) { self } else { self.join(other, Operation::Div(self.at(), other.at())) }
    }
}

impl Neg for Symbol {
    type Output = Self;

    fn neg(self) -> Self {
        self.map(Operation::Neg(self.at()))
    }
}

impl Real for Symbol {
    fn exp(self) -> Self {
        self.map(Operation::Exp(self.at()))
    }

    fn ln(self) -> Self {
        self.map(Operation::Ln(self.at()))
    }

    fn atan(self) -> Self {
        self.map(Operation::Atan(self.at()))
    }

    fn erf(self) -> Self {
        self.map(Operation::Erf(self.at()))
    }

    fn above(self, bound: Self, yes: Self, no: Self) -> Self {
        if yes.0 == no.0 {
            return yes;
        }
        match (self.constant(), bound.constant()) {
            (Some(x), Some(bound)) => {
                if x > bound {
                    yes
                } else {
                    no
                }
            }
            _ => enter(Operation::Above { x: self.at(), bound: bound.at(), yes: yes.at(), no: no.at() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::Dual;

    #[test]
    fn a_formula_is_what_was_done() {
        let formula = Formula::of(2, |x| vec![x[0] * x[1] + x[0] * x[1], x[1] - 1.0.into()]);
        let expected = [
            Operation::Argument(0),
            Operation::Argument(1),
            Operation::Mul(0, 1),
            Operation::Add(2, 2),
            Operation::Constant(1.0),
            Operation::Sub(1, 4),
        ];
        assert_eq!(formula.operations, expected, "nothing is written twice");
        assert_eq!(formula.results, [3, 5]);
        assert_eq!(formula.evaluate(&[3.0, 4.0]), [24.0, 3.0]);
    }

    #[test]
    fn what_changes_nothing_is_left_out() {
        let formula = Formula::of(1, |x| {
            let (zero, one) = (Symbol::from(0.0), Symbol::from(1.0));
            let unused = x[0].exp();
            vec![(x[0] * one + zero - zero) / one + unused * zero]
        });
        assert_eq!((formula.operations, formula.results), (vec![Operation::Argument(0)], vec![0]));
        let constant = Formula::of(0, |_| vec![(Symbol::from(3.0) - 1.0.into()) / 4.0.into()]);
        assert_eq!(constant.operations, [Operation::Constant(0.5)]);
        let choice = Formula::of(1, |x| vec![x[0].above(0.0.into(), x[0], x[0])]);
        assert_eq!(choice.operations, [Operation::Argument(0)]);
    }

    #[test]
    fn constants_that_are_the_same_number_are_computed_once() {
        let same = Formula::of(0, |_| vec![Symbol::from(3.0) * 3.0.into(), Symbol::from(3.0) - 3.0.into()]);
        assert_eq!(same.evaluate(&[]), [9.0, 0.0]);
    }

    #[test]
    fn derivatives_can_be_written_down() {
        let slope = Formula::of(1, |x| vec![(Dual::variable(x[0]) * Dual::variable(x[0])).slope]);
        assert_eq!(slope.evaluate(&[3.0]), [6.0]);
        let functions = Formula::of(1, |x| vec![x[0].exp(), x[0].ln(), x[0].atan(), x[0].erf(), -x[0], x[0].abs()]);
        let x = 0.75_f32;
        let expected = [Real::exp(x), Real::ln(x), Real::atan(x), Real::erf(x), -x, x];
        assert_eq!(functions.evaluate(&[x]), expected);
    }
}
