const heading = document.createElement('h1');
heading.textContent = 'Hoidap';
document.getElementById('dashboard')?.append(heading);
