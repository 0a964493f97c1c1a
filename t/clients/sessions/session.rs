//! Sends so many bytes, then reads the answer to its end: session PORT plain BYTES TRIES

use std::io::{self, Read, Write};
use std::net::TcpStream;

fn session(port: u16, mut bytes: usize) -> io::Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    let piece = [0; 1 << 16];
    while bytes > 0 {
        let size = bytes.min(piece.len());
        connection.write_all(&piece[..size])?;
        bytes -= size;
    }
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |i: usize| arguments[i].parse::<usize>().unwrap();
    for _ in 0..number(4) {
        match session(number(1) as u16, number(3)) {
            Ok(answer) => println!("answer {}", answer.trim()),
            Err(error) => println!("error {error}"),
        }
    }
}
