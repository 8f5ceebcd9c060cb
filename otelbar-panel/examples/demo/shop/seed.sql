CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER NOT NULL);
CREATE TABLE books (
    id INTEGER PRIMARY KEY,
    author_id INTEGER NOT NULL REFERENCES authors,
    title TEXT NOT NULL,
    year INTEGER NOT NULL,
    price_cents INTEGER NOT NULL,
    shelf INTEGER NOT NULL
);
CREATE INDEX books_by_author ON books (author_id);
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY,
    book_id INTEGER NOT NULL REFERENCES books,
    reader TEXT NOT NULL,
    rating INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 5),
    text TEXT NOT NULL
);
CREATE INDEX reviews_by_book ON reviews (book_id);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer TEXT NOT NULL,
    total_cents INTEGER NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders,
    book_id INTEGER NOT NULL REFERENCES books,
    quantity INTEGER NOT NULL,
    price_cents INTEGER NOT NULL
);
CREATE TABLE discounts (name TEXT PRIMARY KEY);

INSERT INTO authors (id, name, born) VALUES
    (1, 'Jane Austen', 1775), (2, 'Mary Shelley', 1797), (3, 'Charles Dickens', 1812),
    (4, 'Charlotte Brontë', 1816), (5, 'Herman Melville', 1819), (6, 'Fyodor Dostoevsky', 1821),
    (7, 'Jules Verne', 1828), (8, 'Leo Tolstoy', 1828), (9, 'Mark Twain', 1835),
    (10, 'Robert Louis Stevenson', 1850), (11, 'Selma Lagerlöf', 1858), (12, 'H. G. Wells', 1866);

INSERT INTO books (id, author_id, title, year, price_cents, shelf)
SELECT row_number() OVER (ORDER BY column3, column2), column1, column2, column3,
       790 + (length(column2) * 137 + column3) % 1900, column3 % 6
FROM (VALUES
    (1, 'Sense and Sensibility', 1811), (1, 'Pride and Prejudice', 1813), (1, 'Mansfield Park', 1814),
    (1, 'Emma', 1815),
    (2, 'Frankenstein', 1818), (2, 'Valperga', 1823), (2, 'The Last Man', 1826), (2, 'Lodore', 1835),
    (3, 'Oliver Twist', 1838), (3, 'A Christmas Carol', 1843), (3, 'David Copperfield', 1850),
    (3, 'Great Expectations', 1861),
    (4, 'Jane Eyre', 1847), (4, 'Shirley', 1849), (4, 'Villette', 1853), (4, 'The Professor', 1857),
    (5, 'Typee', 1846), (5, 'Omoo', 1847), (5, 'Moby-Dick', 1851), (5, 'The Confidence-Man', 1857),
    (6, 'Crime and Punishment', 1866), (6, 'The Gambler', 1867), (6, 'The Idiot', 1869),
    (6, 'The Brothers Karamazov', 1880),
    (7, 'Five Weeks in a Balloon', 1863), (7, 'Journey to the Center of the Earth', 1864),
    (7, 'Twenty Thousand Leagues Under the Seas', 1870), (7, 'Around the World in Eighty Days', 1873),
    (8, 'The Cossacks', 1863), (8, 'War and Peace', 1869), (8, 'Anna Karenina', 1878), (8, 'Resurrection', 1899),
    (9, 'The Innocents Abroad', 1869), (9, 'The Adventures of Tom Sawyer', 1876),
    (9, 'Life on the Mississippi', 1883), (9, 'Adventures of Huckleberry Finn', 1884),
    (10, 'Treasure Island', 1883), (10, 'Kidnapped', 1886), (10, 'The Black Arrow', 1888),
    (10, 'The Master of Ballantrae', 1889),
    (11, 'Gösta Berling''s Saga', 1891), (11, 'Jerusalem', 1901), (11, 'Arne''s Treasure', 1904),
    (11, 'The Wonderful Adventures of Nils', 1906),
    (12, 'The Time Machine', 1895), (12, 'The Invisible Man', 1897), (12, 'The War of the Worlds', 1898),
    (12, 'The Sea Lady', 1902)
);

WITH RECURSIVE numbers (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM numbers WHERE i < 1500)
INSERT INTO reviews (id, book_id, reader, rating, text)
SELECT i, 1 + i * 7 % 48,
       json_extract('["Ada","Ben","Chen","Dora","Emil","Fatima","Grace","Hugo","Ines","Jon","Kira","Lars","Mina"]',
                    '$[' || (i * 5 % 13) || ']'),
       1 + i * 31 % 5,
       json_extract('["Could not put it down.","Good, but slow in the middle.","Read it twice.",'
                    || '"Not for me.","A present for my sister, who loves it.","Better than the film.",'
                    || '"I wish it were longer."]',
                    '$[' || (i * 11 % 7) || ']')
FROM numbers;

WITH RECURSIVE numbers (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM numbers WHERE i < 40)
INSERT INTO orders (id, customer, total_cents, confirmed)
SELECT i, json_extract('["Ada","Ben","Chen","Dora","Emil"]', '$[' || (i % 5) || ']'), 0, 1 FROM numbers;

INSERT INTO order_lines (order_id, book_id, quantity, price_cents)
SELECT orders.id, books.id, 1 + books.id % 2, price_cents
FROM orders JOIN books ON books.id % 13 = orders.id % 13;

UPDATE orders SET total_cents =
    (SELECT sum(quantity * price_cents) FROM order_lines WHERE order_id = orders.id);
