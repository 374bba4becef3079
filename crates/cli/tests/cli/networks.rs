//! Realistic networks, ordered and run from end to end, and compared with other methods: an amplitude of a quantum
//! circuit with the state vector, a partition function with the transfer matrix.

use crate::harness::{Folder, doubles, npy, run};
use num_complex::Complex64;
use serde_json::Value;
use std::f64::consts::TAU;

/// A linear congruential generator (D. E. Knuth's MMIX), whose high bits are used.
struct Random(u64);

impl Random {
    /// Returns a uniform number from 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// An expression in named subscripts, and a file for each operand.
#[derive(Default)]
struct Expression {
    terms: Vec<String>,
    files: Vec<String>,
}

impl Expression {
    fn push(&mut self, axes: &[String], file: String) {
        self.terms.push(format!("[{}]", axes.join(" ")));
        self.files.push(file);
    }

    /// Returns its arguments: the text and the files.
    fn arguments(&self) -> (String, Vec<&str>) {
        let text = format!("{} -> []", self.terms.join(", "));
        (text, self.files.iter().map(String::as_str).collect())
    }

    /// Returns the result of `einfold order`.
    fn order(&self, options: &[&str]) -> Value {
        let (text, files) = self.arguments();
        serde_json::from_str(&run([&["order", "--json", &text], &files[..], options].concat()).ok()).unwrap()
    }

    /// Returns the memory of a run without the operands, in bytes.
    fn memory(&self, options: &[&str]) -> u64 {
        let (text, files) = self.arguments();
        let told = run([&["run", "--dry-run", &text], &files[..], options].concat()).ok();
        told.lines().find_map(|line| line.strip_prefix("memory   ")?.split(' ').next()?.parse().ok()).unwrap()
    }

    /// Returns the scalar result with all digits.
    fn value(&self, folder: &Folder, options: &[&str]) -> Vec<f64> {
        let (text, files) = self.arguments();
        let out = folder.file("out.npy");
        run([&["run", &text, "-o", &out], &files[..], options].concat()).ok();
        let bytes = std::fs::read(out).unwrap();
        let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        bytes[header..].chunks(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    /// Returns the same in slices, within a part of the memory of intermediates and result without a limit.
    fn sliced_value(&self, folder: &Folder, part: u64) -> Vec<f64> {
        let limit = self.order(&["--order", "deep"])["memory_bytes"].as_u64().unwrap() / part;
        let limited = ["--order", "deep", "--memory", &limit.to_string()];
        let slices = &self.order(&limited)["slices"];
        assert!(slices.as_array().is_some_and(|slices| !slices.is_empty()), "{slices}");
        assert!(self.memory(&limited) <= limit);
        self.value(folder, &limited)
    }
}

/// A gate on one or two qubits: a matrix that acts on their joint state; the first qubit is the higher bit.
struct Gate {
    qubits: Vec<usize>,
    matrix: Vec<Complex64>,
}

impl Gate {
    /// Returns a random unitary on one qubit.
    fn single(qubit: usize, random: &mut Random) -> Gate {
        let [mix, a, b, c] = [0; 4].map(|_| TAU * random.unit());
        let phase = |sign: f64, sum: f64| Complex64::from_polar(sign, sum);
        let matrix =
            vec![phase(mix.cos(), a + b), phase(-mix.sin(), a - c), phase(mix.sin(), a + c), phase(mix.cos(), a - b)];
        Gate { qubits: vec![qubit], matrix }
    }

    /// Returns the gate fSim with random angles: a partial swap and a phase.
    fn double(qubits: [usize; 2], random: &mut Random) -> Gate {
        let (swap, phase) = (TAU * random.unit(), TAU * random.unit());
        let mut matrix = vec![Complex64::ZERO; 16];
        (matrix[0], matrix[15]) = (Complex64::ONE, Complex64::from_polar(1.0, -phase));
        (matrix[5], matrix[10]) = (swap.cos().into(), swap.cos().into());
        (matrix[6], matrix[9]) = (Complex64::new(0.0, -swap.sin()), Complex64::new(0.0, -swap.sin()));
        Gate { qubits: qubits.to_vec(), matrix }
    }

    /// Returns the state after the gate. Qubit `q` is bit `q` of a position.
    fn act(&self, state: &[Complex64]) -> Vec<Complex64> {
        let places = 1 << self.qubits.len();
        let joint = |position: usize| self.qubits.iter().fold(0, |joint, q| joint << 1 | (position >> q & 1));
        let with = |position: usize, joint: usize| {
            let bit = |k: usize| (joint >> (self.qubits.len() - 1 - k) & 1) << self.qubits[k];
            let mask: usize = self.qubits.iter().map(|q| 1 << q).sum();
            position & !mask | (0..self.qubits.len()).map(bit).sum::<usize>()
        };
        let element = |position: usize| {
            let row = places * joint(position);
            (0..places).map(|from| self.matrix[row + from] * state[with(position, from)]).sum()
        };
        (0..state.len()).map(element).collect()
    }
}

/// Returns cycles of a gate on each qubit of a grid and one on each pair of a pattern of neighbours; four patterns
/// alternate.
fn circuit(rows: usize, columns: usize, cycles: usize, random: &mut Random) -> Vec<Gate> {
    let qubits = rows * columns;
    let mut gates = Vec::new();
    for cycle in 0..cycles {
        gates.extend((0..qubits).map(|qubit| Gate::single(qubit, random)));
        for (row, column) in (0..qubits).map(|qubit| (qubit / columns, qubit % columns)) {
            let down = cycle % 2 == 0;
            let (along, length) = if down { (row, rows) } else { (column, columns) };
            if along % 2 == cycle / 2 % 2 && along + 1 < length {
                let qubit = row * columns + column;
                gates.push(Gate::double([qubit, qubit + if down { columns } else { 1 }], random));
            }
        }
    }
    gates.extend((0..qubits).map(|qubit| Gate::single(qubit, random)));
    gates
}

/// Returns the amplitude of `bits` after `gates` on qubits that are all 0, as a network.
fn amplitude(folder: &Folder, qubits: usize, gates: &[Gate], bits: usize) -> Expression {
    let complex = |name: &str, shape: &[usize], values: &[Complex64]| {
        let bytes: Vec<u8> = values.iter().flat_map(|z| [z.re, z.im]).flat_map(f64::to_le_bytes).collect();
        folder.write(name, &npy("<c16", shape, &bytes))
    };
    let states = [[Complex64::ONE, Complex64::ZERO], [Complex64::ZERO, Complex64::ONE]];
    let [zero, one] = [0, 1].map(|bit| complex(&format!("{bit}.npy"), &[2], &states[bit]));
    let mut expression = Expression::default();
    let mut times = vec![0; qubits];
    let axis = |qubit: usize, times: &[usize]| format!("q{qubit}_{}", times[qubit]);
    for qubit in 0..qubits {
        expression.push(&[axis(qubit, &times)], zero.clone());
    }
    for (k, gate) in gates.iter().enumerate() {
        let before: Vec<String> = gate.qubits.iter().map(|&q| axis(q, &times)).collect();
        gate.qubits.iter().for_each(|&q| times[q] += 1);
        let after = gate.qubits.iter().map(|&q| axis(q, &times)).collect();
        let file = complex(&format!("gate{k}.npy"), &vec![2; 2 * gate.qubits.len()], &gate.matrix);
        expression.push(&[after, before].concat(), file);
    }
    for qubit in 0..qubits {
        expression.push(&[axis(qubit, &times)], if bits >> qubit & 1 == 1 { one.clone() } else { zero.clone() });
    }
    expression
}

#[test]
fn an_amplitude_of_a_quantum_circuit_is_that_of_the_state_vector() {
    let (rows, columns, bits) = (4, 4, 0b1011_0010_0101_1100);
    let gates = circuit(rows, columns, 8, &mut Random(20));
    let mut state = vec![Complex64::ZERO; 1 << (rows * columns)];
    state[0] = Complex64::ONE;
    let state = gates.iter().fold(state, |state, gate| gate.act(&state));
    let norm: f64 = state.iter().map(|z| z.norm_sqr()).sum();
    assert!((norm - 1.0).abs() < 1e-12, "{norm}");
    let folder = Folder::new();
    let network = amplitude(&folder, rows * columns, &gates, bits);
    assert_eq!(network.files.len(), gates.len() + 2 * rows * columns);
    let order = folder.write("order.json", network.order(&["--trials", "2"]).to_string().as_bytes());
    for found in [network.value(&folder, &["--path", &order]), network.sliced_value(&folder, 2)] {
        // The typical size of an amplitude is 2^-8; rounding errors are far below.
        assert!((Complex64::new(found[0], found[1]) - state[bits]).norm() < 1e-13, "{found:?} {}", state[bits]);
    }
}

/// Spins on a cylinder of `around * along` sites. Neighbours are bound by the weights of equal and unequal spins: the
/// bond from (along, around) to the next site around, and to the next one along.
struct Cylinder {
    around: usize,
    along: usize,
    ring: Vec<[f64; 2]>,
    line: Vec<[f64; 2]>,
}

impl Cylinder {
    /// Couplings from -1 to 1, temperature 1.
    fn new(around: usize, along: usize, random: &mut Random) -> Cylinder {
        let mut bonds = |number| {
            (0..number)
                .map(|_| 2.0 * random.unit() - 1.0)
                .map(|coupling: f64| [coupling.exp(), (-coupling).exp()])
                .collect()
        };
        Cylinder { around, along, ring: bonds(around * along), line: bonds(around * (along - 1)) }
    }

    /// Returns the bonds with their two sites.
    fn bonds(&self) -> impl Iterator<Item = ([usize; 2], [f64; 2])> {
        let next = |site: usize| site - site % self.around + (site + 1) % self.around;
        let ring = self.ring.iter().enumerate().map(move |(site, w)| ([site, next(site)], *w));
        ring.chain(self.line.iter().enumerate().map(|(site, w)| ([site, site + self.around], *w)))
    }

    /// Returns the partition function by the transfer matrix: the sum over the spins of one ring after the other.
    fn by_transfer_matrix(&self) -> f64 {
        let n = self.around;
        let mut sums = vec![1.0; 1 << n];
        for ring in 0..self.along {
            for (spins, sum) in sums.iter_mut().enumerate() {
                let unequal = |i: usize| (spins >> i ^ spins >> ((i + 1) % n)) & 1;
                *sum *= (0..n).map(|i| self.ring[ring * n + i][unequal(i)]).product::<f64>();
            }
            // From the spins of this ring to those of the next, one by one.
            for i in (0..n).take_while(|_| ring + 1 < self.along) {
                let [equal, unequal] = self.line[ring * n + i];
                sums = (0..1 << n).map(|spins| equal * sums[spins] + unequal * sums[spins ^ 1 << i]).collect();
            }
        }
        sums.iter().sum()
    }

    /// Returns a network with a matrix for each bond; every spin is an axis of all its bonds.
    fn network(&self, folder: &Folder) -> Expression {
        let mut expression = Expression::default();
        for (k, (sites, [equal, unequal])) in self.bonds().enumerate() {
            let matrix = doubles(&[2, 2], [equal, unequal, unequal, equal]);
            expression.push(&sites.map(|site| format!("s{site}")), folder.write(&format!("bond{k}.npy"), &matrix));
        }
        expression
    }
}

#[test]
fn a_partition_function_is_that_of_the_transfer_matrix() {
    let cylinder = Cylinder::new(12, 12, &mut Random(3));
    let want = cylinder.by_transfer_matrix();
    let folder = Folder::new();
    let network = cylinder.network(&folder);
    assert_eq!(network.files.len(), 144 + 132);
    for found in [network.value(&folder, &[]), network.sliced_value(&folder, 8)] {
        assert!((found[0] / want - 1.0).abs() < 1e-12, "{found:?} {want}");
    }
}

#[test]
fn the_transfer_matrix_counts_what_a_sum_over_all_states_does() {
    let cylinder = Cylinder::new(3, 3, &mut Random(5));
    let weight = |state: usize| -> f64 {
        cylinder.bonds().map(|([a, b], weights)| weights[(state >> a ^ state >> b) & 1]).product()
    };
    let want: f64 = (0..1 << 9).map(weight).sum();
    assert!((cylinder.by_transfer_matrix() / want - 1.0).abs() < 1e-14);
}
