import { chromium } from 'playwright-core';
const base='http://127.0.0.1:18090';
const b=await chromium.launch({executablePath:'/usr/bin/chromium',args:['--no-sandbox','--disable-gpu','--disable-background-networking','--disable-component-update','--disable-sync']});
for (const [name,w,hh,scheme,locale] of [['desktop-light',1280,800,'light','en-US'],['phone-dark',390,844,'dark','vi-VN']]) {
 const c=await b.newContext({viewport:{width:w,height:hh},colorScheme:scheme,locale}); const p=await c.newPage();
 p.on('console',m=>{ if(['error','warning'].includes(m.type())) console.log(name,m.text())}); p.on('pageerror',e=>console.log(name,'ERR',e.message));
 await p.goto(base+'/dashboard'); await p.waitForSelector('#token',{state:'visible'});
 await p.screenshot({path:`/tmp/dashdev/${name}-login.png`});
 await p.fill('#token','s3cret'); await p.keyboard.press('Enter'); await p.waitForSelector('.tile'); await p.waitForSelector('.conversations li'); await p.waitForTimeout(500);
 await p.screenshot({path:`/tmp/dashdev/${name}.png`,fullPage:true});
 console.log(name, await p.evaluate(()=>[document.documentElement.scrollWidth, innerWidth, document.querySelectorAll('[style]').length]));
 await p.locator('.conversations .open').nth(2).click(); await p.waitForSelector('.questions li'); await p.locator('.questions summary').first().click();
 await p.screenshot({path:`/tmp/dashdev/${name}-conv.png`});
 await c.close();
}
await b.close();
